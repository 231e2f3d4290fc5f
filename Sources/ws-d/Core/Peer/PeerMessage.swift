// The two messages that come before anything else between two nodes: who I claim to be, and my proof.
// It must never be large: a stranger sends it.

import NodeModel
import Nostr
import Wire

/// A message of the greeting.
enum PeerMessage: Equatable {
    /// Opens the greeting; `challenge` is what the other side must sign.
    case hello(version: Int, pubkey: PublicKey, challenge: String)
    /// The sender's signature of the reader's challenge (kind 22242).
    case auth(SignedEvent)
    /// Why the sender closes the connection.
    case refused(code: String, message: String)

    /// The largest message of the greeting, in bytes.
    static let maximumSize = 4_096
    /// What this build speaks.
    static let version = 1

    private struct Form: WireValue {
        var type: String
        var version: Int?
        var pubkey: PublicKey?
        var challenge: String?
        var event: SignedEvent?
        var code: String?
        var message: String?
    }

    /// Reads one message.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> PeerMessage {
        guard bytes.count <= maximumSize else {
            throw WireError(.tooLarge, "A message of the greeting has at most \(maximumSize) bytes.")
        }
        let form: Form
        do { form = try Form.read(bytes) } catch { throw WireError.wrapping(error) }
        switch form.type {
        case "hello":
            guard let version = form.version, let pubkey = form.pubkey, let challenge = form.challenge,
                PeerAuthentication.isChallenge(challenge)
            else {
                throw WireError(
                    .invalidParams,
                    "'hello' has a version, a pubkey and a challenge of 64 hexadecimal digits.")
            }
            return .hello(version: version, pubkey: pubkey, challenge: challenge)
        case "auth":
            guard let event = form.event else { throw WireError(.invalidParams, "'auth' has an event.") }
            return .auth(event)
        case "refused":
            return .refused(
                code: String((form.code ?? "unknown").prefix(64)),
                message: String((form.message ?? "").prefix(500)))
        default: throw WireError(.invalidParams, "The greeting knows 'hello', 'auth' and 'refused'.")
        }
    }

    /// The message as JSON.
    func encoded() -> [UInt8] {
        let form =
            switch self {
            case .hello(let version, let pubkey, let challenge):
                Form(type: "hello", version: version, pubkey: pubkey, challenge: challenge)
            case .auth(let event): Form(type: "auth", event: event)
            case .refused(let code, let message): Form(type: "refused", code: code, message: message)
            }
        // A struct of strings and integers always encodes; an empty message would be refused by any reader.
        return (try? form.jsonBytes()) ?? []
    }
}
