// All that a provider says of itself: hardware, models, prices, addresses. Too large for the network to keep, so that its
// own node is asked. It must never be believed without the signature of the event that carries it.

/// A provider's descriptor; the content of an event of kind 31861, as canonical JSON.
public struct ProviderDescriptor: Hashable, Sendable, Codable {
    /// The version that this build writes and reads.
    public static let currentVersion = 1
    /// The most that its event may have in compact form, in bytes: eight packets.
    public static let maximumSize = 8192

    /// Something that runs models.
    public struct Device: Hashable, Sendable, Codable {
        /// `cpu`, `nvidia` or `amd`.
        public var kind: String
        public var name: String
        /// Memory for models, in MiB.
        public var memoryMiB: Int
        public var driver: String?

        enum CodingKeys: String, CodingKey {
            case kind, name, driver
            case memoryMiB = "memory_mib"
        }
        public init(kind: String, name: String, memoryMiB: Int, driver: String?) {
            self.kind = kind
            self.name = name
            self.memoryMiB = memoryMiB
            self.driver = driver
        }
    }

    /// A model, with the file that runs.
    public struct Model: Hashable, Sendable, Codable {
        public var name: String
        public var root: ContentRoot
        /// SHA-256 of the whole file.
        public var sha256: Digest
        /// Bytes.
        public var size: Int64
        public var format: String
        /// The longest prompt and answer together, in tokens.
        public var context: Int
        /// From the file's own header, as `architecture`.
        public var details: [String: String]
        public var price: UnitPrice

        public init(
            name: String, root: ContentRoot, sha256: Digest, size: Int64, format: String, context: Int,
            details: [String: String], price: UnitPrice
        ) {
            self.name = name
            self.root = root
            self.sha256 = sha256
            self.size = size
            self.format = format
            self.context = context
            self.details = details
            self.price = price
        }
    }

    /// What a third party or the hardware says of the node; readers who do not know the kind pass it over.
    public struct Attestation: Hashable, Sendable, Codable {
        public var kind: String
        /// Lower-case hexadecimal.
        public var evidence: String

        public init(kind: String, evidence: String) {
            self.kind = kind
            self.evidence = evidence
        }
    }

    public var version: Int
    public var provider: PublicKey
    /// Where jobs are taken, as `ws://host:port/peer`.
    public var endpoints: [String]
    /// Where `inf_stat` and `inf_desc` are asked.
    public var statusAddresses: [String]
    public var devices: [Device]
    /// How the devices are joined, as `pcie`; absent when that is not known.
    public var interconnect: String?
    /// Jobs that run at the same time.
    public var slots: Int
    public var models: [Model]
    /// The engine's image id; absent when there is none.
    public var image: String?
    /// Where it is paid, when any of its prices is not in test credits.
    public var payTo: PayTo?
    /// Absent when nothing attests.
    public var attestation: Attestation?
    /// Unix seconds.
    public var createdAt: Int64

    enum CodingKeys: String, CodingKey {
        case version, provider, endpoints, devices, interconnect, slots, models, image, attestation
        case statusAddresses = "status_addresses"
        case payTo = "pay_to"
        case createdAt = "created_at"
    }

    public init(
        provider: PublicKey, endpoints: [String], statusAddresses: [String], devices: [Device],
        interconnect: String? = nil, slots: Int, models: [Model], image: String?, payTo: PayTo?,
        attestation: Attestation? = nil, createdAt: Int64
    ) {
        version = Self.currentVersion
        self.provider = provider
        self.endpoints = endpoints
        self.statusAddresses = statusAddresses
        self.devices = devices
        self.interconnect = interconnect
        self.slots = slots
        self.models = models
        self.image = image
        self.payTo = payTo
        self.attestation = attestation
        self.createdAt = createdAt
    }
}
