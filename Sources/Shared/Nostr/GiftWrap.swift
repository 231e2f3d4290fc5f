// A message whose author and contents only its reader learns (NIP-59): a rumor in a seal in a wrap.
// It must never take a rumor's author on its word: the seal's signature decides.

import FoundationEssentials
public import NodeModel

/// Why an event is not a gift for this key.
public enum GiftWrapError: Error, Hashable, Sendable {
    /// The outer event is of another kind than 1059 or 21059.
    case wrongKind(Int)
    /// The inner event is of another kind than 13, or has tags.
    case notASeal
    /// An id or a signature is wrong.
    case event(EventError)
    /// A layer does not decrypt.
    case encryption(NIP44Error)
    /// A layer is not the JSON of an event.
    case notAnEvent
    /// The innermost event is signed; then it could be shown around.
    case signedRumor
    /// The rumor names another author than the seal's.
    case otherAuthor
    /// The rumor's id is not the hash of its contents.
    case wrongID
}

extension GiftWrapError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongKind(let kind): "an event of kind \(kind) is not a gift wrap"
        case .notASeal: "the gift wrap does not hold a seal"
        case .event(let error): error.description
        case .encryption: "the gift wrap was not made for this key, or was changed"
        case .notAnEvent: "a layer of the gift wrap is not an event"
        case .signedRumor: "the innermost event is signed, which a rumor must not be"
        case .otherAuthor: "the innermost event names another author than the one who sealed it"
        case .wrongID: "the innermost event's id is not the hash of its contents"
        }
    }
}

/// Wrapping and unwrapping.
public enum GiftWrap {
    /// How far back the times of seal and wrap are blurred, in seconds.
    public static let blur: Int64 = 172_800

    /// The JSON of a rumor: an event without a signature.
    private struct Rumor: Codable {
        var id: String
        var pubkey: PublicKey
        var created_at: Int64
        var kind: Int
        var tags: [[String]]
        var content: String
        var sig: String?
    }

    /// Wraps `rumor` for `recipient` under a key that is used this once.
    ///
    /// - Parameters:
    ///   - rumor: by `sender`; its time is the true one.
    ///   - now: Unix seconds; seal and wrap get random times of the two days before.
    ///   - lasting: whether relays may keep it.
    public static func wrap(
        _ rumor: EventTemplate, sender: SecretKey, recipient: PublicKey, now: Int64, lasting: Bool = true
    ) throws -> SignedEvent {
        guard rumor.pubkey == sender.publicKey else { throw SigningError.otherAuthor(rumor.pubkey) }
        let inner = Rumor(
            id: Hex.encode(rumor.computedID()), pubkey: rumor.pubkey, created_at: rumor.createdAt,
            kind: rumor.kind, tags: rumor.tags, content: rumor.content)
        let seal = try sender.sign(
            EventTemplate(
                pubkey: sender.publicKey, createdAt: blurred(now), kind: EventKind.seal,
                content: try NIP44.encrypt(
                    try json(inner), NIP44.ConversationKey(sender, with: recipient))))
        let once = SecretKey.generate()
        return try once.sign(
            EventTemplate(
                pubkey: once.publicKey, createdAt: blurred(now),
                kind: lasting ? EventKind.giftWrap : EventKind.ephemeralGiftWrap,
                tags: [["p", recipient.hex]],
                content: try NIP44.encrypt(try json(seal), NIP44.ConversationKey(once, with: recipient))))
    }

    /// The rumor in a wrap that `recipient` can open; its author is proven by the seal.
    public static func unwrap(
        _ wrap: SignedEvent, recipient: SecretKey
    ) throws(GiftWrapError) -> EventTemplate {
        guard [EventKind.giftWrap, EventKind.ephemeralGiftWrap].contains(wrap.kind) else {
            throw .wrongKind(wrap.kind)
        }
        do { try wrap.verify() } catch { throw .event(error) }
        let seal = try read(SignedEvent.self, wrap.content, by: wrap.pubkey, recipient)
        guard seal.kind == EventKind.seal, seal.tags.isEmpty else { throw .notASeal }
        do { try seal.verify() } catch { throw .event(error) }
        let rumor = try read(Rumor.self, seal.content, by: seal.pubkey, recipient)
        guard rumor.sig == nil else { throw .signedRumor }
        guard rumor.pubkey == seal.pubkey else { throw .otherAuthor }
        let template = EventTemplate(
            pubkey: rumor.pubkey, createdAt: rumor.created_at, kind: rumor.kind, tags: rumor.tags,
            content: rumor.content)
        guard Hex.encode(template.computedID()) == rumor.id else { throw .wrongID }
        return template
    }

    private static func read<T: Decodable>(
        _ type: T.Type, _ payload: String, by author: PublicKey, _ reader: SecretKey
    ) throws(GiftWrapError) -> T {
        let text: String
        do { text = try NIP44.decrypt(payload, NIP44.ConversationKey(reader, with: author)) } catch {
            throw .encryption(error)
        }
        guard let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) else { throw .notAnEvent }
        return value
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func blurred(_ now: Int64) -> Int64 {
        var generator = SystemRandomNumberGenerator()
        return now - Int64.random(in: 0...blur, using: &generator)
    }
}
