// What a relay says (NIP-01, NIP-42), read strictly. It must never take a label that it does not know for an error:
// relays add their own, and NIP-01 has clients ignore them.

import FoundationEssentials
public import NodeModel

/// Why bytes are not a relay's message.
public enum RelayMessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Longer than ``RelayMessage/longest``.
    case tooLong(Int)
    /// Not a JSON array with the parts that its label asks for.
    case malformed

    public var description: String {
        switch self {
        case .tooLong(let count): "a relay's message of \(count) bytes is too long"
        case .malformed: "a relay's message does not have the form of NIP-01"
        }
    }
}

/// One message from a relay.
public enum RelayMessage: Hashable, Sendable {
    /// The longest that is read, in bytes.
    public static let longest = 256 * 1024

    /// An event that a subscription asked for. Nothing about it is proven.
    case event(subscription: String, SignedEvent)
    /// What became of a published event (`OK`).
    case verdict(event: String, accepted: Bool, words: String)
    /// All stored events of a subscription were sent (`EOSE`).
    case stored(subscription: String)
    /// The relay ended a subscription.
    case closed(subscription: String, words: String)
    case notice(String)
    /// The relay wants to know who asks (`AUTH`, NIP-42).
    case challenge(String)
    /// Something that is not spoken here.
    case unknown(String)

    /// - Throws: `RelayMessageError`.
    public init(_ bytes: UnsafeRawBufferPointer) throws(RelayMessageError) {
        guard bytes.count <= Self.longest else { throw .tooLong(bytes.count) }
        do { self = try JSONDecoder().decode(Parts.self, from: Data(bytes)).message } catch {
            throw .malformed
        }
    }

    private struct Parts: Decodable {
        let message: RelayMessage

        init(from decoder: any Decoder) throws {
            var parts = try decoder.unkeyedContainer()
            let label = try parts.decode(String.self)
            switch label {
            case "EVENT":
                message = .event(
                    subscription: try parts.decode(String.self), try parts.decode(SignedEvent.self))
            case "OK":
                message = .verdict(
                    event: try parts.decode(String.self), accepted: try parts.decode(Bool.self),
                    words: try parts.decodeIfPresent(String.self) ?? "")
            case "EOSE": message = .stored(subscription: try parts.decode(String.self))
            case "CLOSED":
                message = .closed(
                    subscription: try parts.decode(String.self),
                    words: try parts.decodeIfPresent(String.self) ?? "")
            case "NOTICE": message = .notice(try parts.decode(String.self))
            case "AUTH": message = .challenge(try parts.decode(String.self))
            default: message = .unknown(label)
            }
        }
    }
}
