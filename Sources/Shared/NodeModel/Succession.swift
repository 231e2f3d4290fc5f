// One key hands a node's name over to another: said by the old one, agreed to by the new one, in one event.
// It must never be believed on the word of one side: a name taken without consent is no name.

import Crypto

/// Why an event is no succession.
public enum SuccessionError: Error, Hashable, Sendable {
    /// Kind, tags or content are not of the one form.
    case wrongForm
    /// A key cannot follow itself.
    case sameKey
    /// The event's id or signature is wrong.
    case event(EventError)
    /// The successor's own signature does not hold.
    case noConsent
}

extension SuccessionError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongForm: "the event is not of the one form of a succession"
        case .sameKey: "the successor is the key itself"
        case .event(let error): error.description
        case .noConsent: "the successor has not signed that it follows this key"
        }
    }
}

/// What a succession says (docs/protocol/keys.md).
public struct Succession: Hashable, Sendable {
    /// Unknown fields are refused: canonical JSON has one spelling.
    private struct Content: Codable {
        var consent: String
        var successor: PublicKey
    }

    public let predecessor: PublicKey
    public let successor: PublicKey
    /// Unix seconds.
    public let at: Int64

    public init(predecessor: PublicKey, successor: PublicKey, at: Int64) {
        self.predecessor = predecessor
        self.successor = successor
        self.at = at
    }

    /// The 32 bytes that the successor signs (BIP-340).
    public var consentMessage: [UInt8] {
        let text = "infernet/succession/1\n\(predecessor.hex)\n\(successor.hex)\n\(at)\n"
        return Array(SHA256.hash(data: Array(text.utf8)))
    }

    /// The event that the predecessor signs.
    ///
    /// - Parameter consent: the successor's signature over `consentMessage`, 64 bytes.
    public func template(consent: [UInt8]) throws(SuccessionError) -> EventTemplate {
        guard predecessor != successor else { throw .sameKey }
        guard
            let content = try? CanonicalJSON.encode(
                Content(consent: Hex.encode(consent), successor: successor))
        else { throw .wrongForm }
        return EventTemplate(
            pubkey: predecessor, createdAt: at, kind: EventKind.succession, tags: [["p", successor.hex]],
            content: String(decoding: content, as: UTF8.self))
    }

    /// Reads an event and proves both signatures.
    public init(_ event: SignedEvent) throws(SuccessionError) {
        do { try event.verify() } catch { throw .event(error) }
        try self.init(unproven: event)
    }

    /// Reads an event whose own signature has not been checked; the successor's is.
    public init(unproven event: SignedEvent) throws(SuccessionError) {
        guard event.kind == EventKind.succession,
            let content = try? CanonicalJSON.decode(Content.self, from: event.content.utf8),
            let consent = Hex.decode(content.consent, count: 64)
        else { throw .wrongForm }
        self.init(predecessor: event.pubkey, successor: content.successor, at: event.createdAt)
        guard try template(consent: consent) == event.template else { throw .wrongForm }
        guard
            Schnorr.verify(signature: consent, message: consentMessage, publicKey: successor.bytes)
        else { throw .noConsent }
    }
}
