// How a provider is at this moment, said to the one who asks: signed over his challenge, stored nowhere.
// It must never be believed without the signature of the event that carries it, or for another challenge.

/// A provider's answer to "how are you now?".
public struct ProviderStatus: Hashable, Sendable, Codable {
    /// Bytes of a challenge.
    public static let challengeBytes = 8
    /// The most models that are told as loaded.
    public static let mostLoaded = 8
    /// Hexadecimal characters of a model's root that name it as loaded.
    public static let prefixLength = 16

    public var provider: PublicKey
    /// What the asker drew: 16 hexadecimal characters.
    public var challenge: String
    /// Whether jobs of others are let in at present.
    public var accepts: Bool
    /// Jobs that can run at the same time, that do, and that wait.
    public var slots: Int
    public var busy: Int
    public var queued: Int
    /// The first 16 hexadecimal characters of the roots of models that answer without being loaded first.
    public var loaded: [String]
    /// Memory that is free on the accelerator which has the most of it, in MiB; nil where none tells.
    public var freeMiB: Int?
    /// Unix seconds, by the provider's clock.
    public var createdAt: Int64

    enum CodingKeys: String, CodingKey {
        case provider, challenge, accepts, slots, busy, queued, loaded
        case freeMiB = "free_mib"
        case createdAt = "created_at"
    }

    /// A status from its parts.
    public init(
        provider: PublicKey, challenge: String, accepts: Bool, slots: Int, busy: Int, queued: Int,
        freeMiB: Int? = nil, loaded: [String] = [], createdAt: Int64
    ) {
        self.provider = provider
        self.challenge = challenge
        self.accepts = accepts
        self.slots = slots
        self.busy = busy
        self.queued = queued
        self.freeMiB = freeMiB
        self.loaded = loaded
        self.createdAt = createdAt
    }

    /// The load as cards tell it: 0 (idle) to 15, which is full.
    public var load: Int {
        guard accepts, slots > 0 else { return 15 }
        let (jobs, over) = busy.addingReportingOverflow(queued)
        // Divided as fractions: a stranger chose these numbers, and their product may not fit.
        return over || jobs >= slots ? 15 : min(14, Int(Double(jobs) * 15 / Double(slots)))
    }

    /// Whether the model of this root answers without being loaded first.
    public func hasLoaded(_ root: ContentRoot) -> Bool {
        loaded.contains { root.hex.hasPrefix($0) }
    }
}
