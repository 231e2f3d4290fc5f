// What a provider says of itself to the network: small, signed, short-lived.
// It must never be believed without the signature of the event that carries it, or after its expiry.

/// One model that a provider offers.
public struct ModelOffer: Hashable, Sendable, Codable {
    /// The name people ask for, in lower case.
    public var name: String
    /// The content that will run, whatever its name.
    public var root: ContentRoot
    /// The longest prompt and answer together, in tokens.
    public var context: Int
    public var price: UnitPrice

    public init(name: String, root: ContentRoot, context: Int, price: UnitPrice) {
        self.name = name
        self.root = root
        self.context = context
        self.price = price
    }
}

/// A provider's card.
public struct ProviderCard: Hashable, Sendable, Codable {
    /// The longest that a card may live, in seconds.
    public static let maximumLifetime: Int64 = 1800
    /// Models on a card at most.
    public static let mostModels = 8
    /// The largest card that the network stores, in bytes of its compact form (BEP 44's limit for a value).
    public static let maximumSize = 1000

    public var provider: PublicKey
    /// Where jobs are taken, as `ws://host:port/peer`.
    public var endpoint: String
    /// Where the provider is asked how it is now, as `a.b.c.d:port` or `[IPv6]:port` (UDP); nil when it cannot be asked.
    public var statusAddress: String?
    /// Where it is paid, when any of its prices is not in test credits.
    public var payTo: PayTo?
    public var models: [ModelOffer]
    /// `cpu`, or the accelerator's `DeviceClass`; its kind alone when its driver tells no model.
    public var device: String
    /// How many devices of that class engines compute with; nil for one.
    public var deviceCount: Int?
    /// Their memory for models, summed, in MiB.
    public var memoryMiB: Int
    /// Jobs that run at the same time.
    public var slots: Int
    /// 0 (idle) to 15 (full).
    public var load: Int
    /// Unix seconds.
    public var createdAt: Int64
    /// Unix seconds; at most `maximumLifetime` after `createdAt`.
    public var expiresAt: Int64

    enum CodingKeys: String, CodingKey {
        case provider, endpoint, models, device, slots, load
        case deviceCount = "device_count"
        case memoryMiB = "memory_mib"
        case statusAddress = "status_address"
        case payTo = "pay_to"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }

    public init(
        provider: PublicKey, endpoint: String, models: [ModelOffer], device: String, memoryMiB: Int,
        slots: Int,
        load: Int, createdAt: Int64, expiresAt: Int64, statusAddress: String? = nil, payTo: PayTo? = nil,
        deviceCount: Int? = nil
    ) {
        self.deviceCount = deviceCount
        self.payTo = payTo
        self.provider = provider
        self.endpoint = endpoint
        self.statusAddress = statusAddress
        self.models = models
        self.device = device
        self.memoryMiB = memoryMiB
        self.slots = slots
        self.load = load
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}
