// A payload that only the chosen provider can open, and the key for it, wrapped.
// It must never travel beside the content key in the clear.

/// Ciphertext with the key wrapped to its reader.
public struct SealedPayload: Hashable, Sendable, Codable {
    /// ChaCha20-Poly1305, as `PayloadSeal` makes it, in base64.
    public var ciphertext: String
    /// The content key, encrypted to the provider's key by NIP-44.
    public var wrappedKey: String
    /// Who wrapped it, and may read the answer.
    public var sender: PublicKey

    enum CodingKeys: String, CodingKey {
        case ciphertext, sender
        case wrappedKey = "wrapped_key"
    }

    public init(ciphertext: String, wrappedKey: String, sender: PublicKey) {
        self.ciphertext = ciphertext
        self.wrappedKey = wrappedKey
        self.sender = sender
    }
}
