// Proves a signed event: its id is the hash of its contents and its author signed that id (NIP-01, BIP-340).
// It must never judge more than that: time, kind and meaning belong to whoever asked for the event.

/// Why an event is not what it claims to be.
public enum EventError: Error, Hashable, Sendable {
    /// `id` or `sig` is not lower-case hexadecimal of the right length.
    case malformed(field: String)
    /// The kind is outside 0...65535 (NIP-01).
    case kindOutOfRange(Int)
    /// The id is not the hash of the contents.
    case wrongID
    /// The signature is not by the author over the id.
    case wrongSignature
}

extension EventError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .malformed(let field): "the event's \(field) is not lower-case hexadecimal of the right length"
        case .kindOutOfRange(let kind): "the event's kind \(kind) is outside 0...65535"
        case .wrongID: "the event's id is not the hash of its contents"
        case .wrongSignature: "the event's signature is not by its author"
        }
    }
}

extension SignedEvent {
    /// Checks the id and the BIP-340 signature.
    ///
    /// - Throws: `EventError` naming the first check that failed.
    public func verify() throws(EventError) {
        guard (0...65_535).contains(kind) else { throw .kindOutOfRange(kind) }
        guard let claimed = Hex.decode(id, count: 32) else { throw .malformed(field: "id") }
        guard let signature = Hex.decode(sig, count: 64) else { throw .malformed(field: "sig") }
        let computed = computedID()
        guard claimed == computed else { throw .wrongID }
        guard Schnorr.verify(signature: signature, message: computed, publicKey: pubkey.bytes) else {
            throw .wrongSignature
        }
    }
}
