// Whoever can turn a template into a signed event: in ledger-d the key, elsewhere a question to ledger-d.
// It must never be asked to sign a bare digest; that is not part of the protocol.

public import NodeModel

/// Signs Nostr events of one author.
public protocol EventSigner: Sendable {
    /// The author of all it signs.
    var publicKey: PublicKey { get }
    /// The template with its id and signature.
    func sign(_ template: EventTemplate) async throws -> SignedEvent
}

/// Why nothing was signed.
public enum SigningError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The template is of another author.
    case otherAuthor(PublicKey)
    /// The library refused, or its result did not verify.
    case failed

    /// A sentence for people; it names no secret.
    public var description: String {
        switch self {
        case .otherAuthor(let key): "the event is of \(key.hex), not of this key"
        case .failed: "no valid signature could be made"
        }
    }
}
