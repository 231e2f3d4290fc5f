// A signed Nostr event (NIP-01), as it travels and as it is stored.
// Decoding proves nothing: whoever uses one that came from outside must call `verify()` first.

/// A Nostr event with its id and signature (NIP-01).
public struct SignedEvent: Codable, Hashable, Sendable {
    /// SHA-256 of the NIP-01 serialization, 64 lower-case hexadecimal characters.
    public let id: String
    /// The author.
    public let pubkey: PublicKey
    /// Unix time in seconds, as the author claims.
    public let createdAt: Int64
    /// The NIP-01 kind.
    public let kind: Int
    /// Tags; the first string of each is its name.
    public let tags: [[String]]
    /// Free text; its meaning depends on the kind.
    public let content: String
    /// BIP-340 signature of the id, 128 lower-case hexadecimal characters.
    public let sig: String

    enum CodingKeys: String, CodingKey {
        case id, pubkey
        case createdAt = "created_at"
        case kind, tags, content, sig
    }

    /// An event from its parts; nothing is checked here, see `verify()`.
    public init(
        id: String, pubkey: PublicKey, createdAt: Int64, kind: Int, tags: [[String]], content: String,
        sig: String
    ) {
        self.id = id
        self.pubkey = pubkey
        self.createdAt = createdAt
        self.kind = kind
        self.tags = tags
        self.content = content
        self.sig = sig
    }

    /// A template with the signature made for its id.
    public init(_ template: EventTemplate, signature: [UInt8]) {
        self.init(
            id: Hex.encode(template.computedID()), pubkey: template.pubkey, createdAt: template.createdAt,
            kind: template.kind, tags: template.tags, content: template.content, sig: Hex.encode(signature))
    }

    /// The event without id and signature.
    public var template: EventTemplate {
        EventTemplate(pubkey: pubkey, createdAt: createdAt, kind: kind, tags: tags, content: content)
    }

    /// The id computed from the contents, 32 bytes; `id` is only what the sender claims.
    public func computedID() -> [UInt8] {
        template.computedID()
    }

    /// The first value of the only tag called `name`; nil when there is none, or more than one.
    public func onlyTag(_ name: String) -> String? {
        guard let place = tags.firstIndex(where: { $0.first == name }), tags[place].count > 1,
            !tags[(place + 1)...].contains(where: { $0.first == name })
        else { return nil }
        return tags[place][1]
    }
}
