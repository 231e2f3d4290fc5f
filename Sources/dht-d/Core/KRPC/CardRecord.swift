// A signed Nostr event in the compact bencode form that fits a packet: {c, k, p, s, t, x}.
// It must never be lossy: the event built from it has the very id that its author signed, or it is refused.

public import NodeModel

/// A signed event and its compact encoding, which determine each other.
public struct CardRecord: Hashable, Sendable {
    /// The event; its signature may or may not have been verified.
    public let event: SignedEvent
    /// The canonical bencode of `{c: created_at, k: kind, p: author, s: signature, t: tags, x: content}`.
    public let encoded: [UInt8]
    /// The id, which is the hash of the contents, and the signature: 32 and 64 bytes.
    private let proof: [UInt8]

    /// The largest encoding that a node stores, in bytes (BEP 44's limit for a value).
    public static let maximumSize = ProviderCard.maximumSize

    /// - Returns: nil when id or signature are not what the contents make them, or not hexadecimal.
    public init?(_ event: SignedEvent) {
        let id = event.computedID()
        guard let signature = Hex.decode(event.sig, count: 64), (0...65_535).contains(event.kind),
            event.id == Hex.encode(id)
        else { return nil }
        self.event = event
        proof = id + signature
        encoded = Self.encode(event, signature)
    }

    /// Reads the compact form.
    ///
    /// - Returns: nil when a field is missing, unknown, of the wrong type or length, or not UTF-8.
    public init?(decoding value: BValue) {
        self.init(decoding: value, written: nil)
    }

    /// - Parameter written: the bytes that `value` was read from, which are its only encoding.
    init?(decoding value: BValue, written: [UInt8]?) {
        guard case .dictionary(let entries) = value, entries.count == 6, let created = value["c"]?.integer,
            let kind = value["k"]?.integer, (0...65_535).contains(kind), let author = value["p"]?.bytes,
            let pubkey = PublicKey(bytes: Array(author)), let signature = value["s"]?.bytes,
            signature.count == 64,
            let list = value["t"]?.list, let content = value["x"]?.bytes.flatMap(Self.text)
        else { return nil }
        var tags: [[String]] = []
        tags.reserveCapacity(list.count)
        for item in list {
            guard let strings = item.list else { return nil }
            var tag: [String] = []
            for string in strings {
                guard let text = string.bytes.flatMap(Self.text) else { return nil }
                tag.append(text)
            }
            tags.append(tag)
        }
        let template = EventTemplate(
            pubkey: pubkey, createdAt: created, kind: Int(kind), tags: tags, content: content)
        let id = template.computedID()
        proof = id + signature
        event = SignedEvent(
            id: Hex.encode(id), pubkey: pubkey, createdAt: created, kind: Int(kind), tags: tags,
            content: content, sig: Hex.encode(signature))
        encoded = written ?? Self.encode(event, Array(signature))
    }

    /// Reads the compact form from its bytes; nil as above.
    public init?(encoded: [UInt8]) {
        guard let value = try? BencodeDecoder.decode(encoded[...]) else { return nil }
        self.init(decoding: value, written: encoded)
    }

    /// Whether the author signed the id.
    public var isGenuine: Bool {
        Schnorr.verify(
            signature: Array(proof[32...]), message: Array(proof[..<32]), publicKey: event.pubkey.bytes)
    }

    /// Leading zero bits of the id: the work that its author put in (NIP-13).
    var work: Int {
        let id = proof[..<32]
        guard let first = id.firstIndex(where: { $0 != 0 }) else { return 256 }
        return 8 * first + id[first].leadingZeroBitCount
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        String(validating: bytes, as: UTF8.self)
    }

    private static func encode(_ event: SignedEvent, _ signature: [UInt8]) -> [UInt8] {
        var writer = BencodeWriter()
        writer.beginDictionary()
        writer.key("c")
        writer.integer(event.createdAt)
        writer.key("k")
        writer.integer(Int64(event.kind))
        writer.key("p")
        writer.bytes(event.pubkey.bytes)
        writer.key("s")
        writer.bytes(signature)
        writer.key("t")
        writer.beginList()
        for tag in event.tags {
            writer.beginList()
            for item in tag { writer.text(item) }
            writer.end()
        }
        writer.end()
        writer.key("x")
        writer.text(event.content)
        writer.end()
        return writer.output
    }

    /// Two records are the same when their bytes are.
    public static func == (left: CardRecord, right: CardRecord) -> Bool { left.encoded == right.encoded }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(encoded) }
}
