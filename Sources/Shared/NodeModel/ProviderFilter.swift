// What somebody wants of a provider, and which wish a provider does not meet. Pure.
// It must never judge by anything that a card does not say.

/// Bounds that a provider has to keep. What is nil is not asked for.
public struct ProviderFilter: Hashable, Sendable, Codable {
    /// The least memory for models, in MiB.
    public var minimumMemoryMiB: Int?
    /// The highest load, 0 (idle) to 15 (full).
    public var maximumLoad: Int?
    /// The highest price of a token, of the prompt and of the answer alike, in micro-units of `asset`.
    public var maximumPrice: Int64?
    /// What `maximumPrice` counts in; test credits when nil.
    public var asset: Asset?
    /// The accelerator's class, as on a card.
    public var device: String?

    enum CodingKeys: String, CodingKey {
        case asset, device
        case minimumMemoryMiB = "min_memory_mib"
        case maximumLoad = "max_load"
        case maximumPrice = "max_price"
    }

    /// Bounds from their parts.
    public init(
        minimumMemoryMiB: Int? = nil, maximumLoad: Int? = nil, maximumPrice: Int64? = nil,
        asset: Asset? = nil, device: String? = nil
    ) {
        self.minimumMemoryMiB = minimumMemoryMiB
        self.maximumLoad = maximumLoad
        self.maximumPrice = maximumPrice
        self.asset = asset
        self.device = device
    }

    /// The wish that is not met.
    public enum Refusal: String, CaseIterable, Sendable {
        case memory = "less memory than wanted"
        case load = "more load than wanted"
        case asset = "wants another money"
        case price = "dearer than wanted"
        case device = "another device than wanted"
    }

    /// Whether nothing is asked for.
    public var isEmpty: Bool { self == ProviderFilter(asset: asset) }

    /// Which wish a provider with these properties does not meet; nil when it meets all. Without a price it meets no
    /// bound on the price.
    public func refusal(memoryMiB: Int, load: Int, price: UnitPrice?, device: String) -> Refusal? {
        if let wanted = self.device, device != wanted { return .device }
        if let minimumMemoryMiB, memoryMiB < minimumMemoryMiB { return .memory }
        if let maximumLoad, load > maximumLoad { return .load }
        guard let maximumPrice else { return nil }
        guard let price, price.asset == asset ?? .testCredit else { return .asset }
        return max(price.prompt, price.completion) > maximumPrice ? .price : nil
    }
}
