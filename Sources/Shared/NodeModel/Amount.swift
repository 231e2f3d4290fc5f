// Money: whole numbers of an asset's smallest unit. There is no other arithmetic for it.
// It must never be a floating-point number, nor be converted between assets.

/// What an amount is counted in.
public struct Asset: RawRepresentable, Hashable, Sendable, Codable {
    /// The asset's name; a CAIP-19 identifier for assets that have one.
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Credits without worth, for networks that run without a payment rail. Smallest unit: one micro-credit.
    public static let testCredit = Asset(rawValue: "test:credit")

    /// Whether it is money on Lightning, in millisatoshis: jobs are paid from credit that was paid before.
    public var isLightning: Bool { rawValue.hasPrefix("bip122:") && rawValue.hasSuffix("/bolt11:msat") }

    /// Whether this is test credit or has the form of a CAIP-19 asset: `chain:reference/kind:reference`.
    public var isWellFormed: Bool {
        if self == .testCredit { return true }
        let parts = Array(rawValue.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else { return false }
        return Self.isPair(parts[0], referenceUpTo: 32, extra: "-_")
            && Self.isPair(parts[1], referenceUpTo: 128, extra: "-.%")
            && (parts.count == 2 || Self.isName(parts[2], 1...78, extra: "-.%"))
    }

    private static func isPair(_ text: ArraySlice<UInt8>, referenceUpTo longest: Int, extra: StaticString)
        -> Bool
    {
        let pair = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return pair.count == 2 && isName(pair[0], 3...8, extra: "-") && !pair[0].contains(where: isCapital)
            && isName(pair[1], 1...longest, extra: extra)
    }

    // Bytes, not characters: this stands before every deed, and characters ask Unicode's tables.
    private static func isName(
        _ text: ArraySlice<UInt8>, _ lengths: ClosedRange<Int>, extra: StaticString
    ) -> Bool {
        lengths.contains(text.count)
            && text.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: isCapital(byte) || extra.withUTF8Buffer { $0.contains(byte) }
                }
            }
    }

    private static func isCapital(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// Prices of one model, in micro-units of the asset per token.
public struct UnitPrice: Hashable, Sendable, Codable {
    public var asset: Asset
    /// For each token of the prompt.
    public var prompt: Int64
    /// For each token of the answer.
    public var completion: Int64

    public init(asset: Asset = .testCredit, prompt: Int64, completion: Int64) {
        self.asset = asset
        self.prompt = prompt
        self.completion = completion
    }

    /// What so many tokens cost; nil for negative counts, negative prices, or a sum beyond 64 bits.
    public func total(promptTokens: Int64, completionTokens: Int64) -> Int64? {
        guard prompt >= 0, completion >= 0, promptTokens >= 0, completionTokens >= 0 else { return nil }
        let (a, over) = prompt.multipliedReportingOverflow(by: promptTokens)
        let (b, overToo) = completion.multipliedReportingOverflow(by: completionTokens)
        let (sum, overAll) = a.addingReportingOverflow(b)
        return over || overToo || overAll ? nil : sum
    }
}
