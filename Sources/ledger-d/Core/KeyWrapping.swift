// A job's content key on its way to the provider: encrypted to it (NIP-44) together with the job's id.
// It must never unwrap a key for another job than the one it was wrapped for.

import NodeModel
import Nostr
import Wire

/// Wraps and unwraps content keys with the node's key.
struct KeyWrapping: Sendable {
    /// What is encrypted, as canonical JSON.
    private struct Envelope: Codable {
        var contentKey: String
        var job: JobID

        enum CodingKeys: String, CodingKey {
            case contentKey = "content_key"
            case job
        }
    }

    let key: SecretKey

    /// The payload that only `recipient` and this node can open.
    func wrap(_ contentKey: String, job: JobID, recipient: PublicKey) throws -> String {
        guard Hex.decode(contentKey, count: ContentKey.length) != nil else {
            throw WireError(.invalidParams, "'content_key' must be 64 lower-case hexadecimal characters.")
        }
        let envelope = try CanonicalJSON.encode(Envelope(contentKey: contentKey, job: job))
        return try NIP44.encrypt(
            String(decoding: envelope, as: UTF8.self), try conversation(recipient, "recipient"))
    }

    /// The content key in a payload from `sender`.
    func unwrap(_ payload: String, job: JobID, sender: PublicKey) throws -> String {
        let text: String
        do { text = try NIP44.decrypt(payload, try conversation(sender, "sender")) } catch let error
            as NIP44Error
        {
            throw WireError(
                .verificationFailed, "The content key was not wrapped for this node by \(sender.hex).",
                cause: "\(error)")
        }
        guard let envelope = try? CanonicalJSON.decode(Envelope.self, from: text.utf8),
            Hex.decode(envelope.contentKey, count: ContentKey.length) != nil
        else { throw WireError(.verificationFailed, "What was wrapped for \(job) is not a content key.") }
        guard envelope.job == job else {
            throw WireError(.policyRefused, "The content key belongs to \(envelope.job), not to \(job).")
        }
        return envelope.contentKey
    }

    private func conversation(_ peer: PublicKey, _ field: String) throws -> NIP44.ConversationKey {
        do { return try NIP44.ConversationKey(key, with: peer) } catch {
            throw WireError(.invalidParams, "'\(field)' is not a key on the curve.")
        }
    }
}
