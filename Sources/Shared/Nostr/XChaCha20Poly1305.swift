// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): ChaCha20-Poly1305 with a nonce long enough to be drawn at random.
// It must never be opened partly: what does not authenticate gives nothing.

import Crypto
import FoundationEssentials

enum XChaCha20Poly1305 {
    static let nonceLength = 24
    static let tagLength = 16

    /// Ciphertext and tag.
    static func seal(
        _ plaintext: [UInt8], key: SymmetricKey, nonce: [UInt8], authenticating data: [UInt8]
    ) throws -> [UInt8] {
        let (subkey, short) = try derive(key, nonce)
        let box = try ChaChaPoly.seal(plaintext, using: subkey, nonce: short, authenticating: data)
        return Array(box.ciphertext + box.tag)
    }

    /// The plaintext of ciphertext and tag.
    static func open(
        _ sealed: [UInt8], key: SymmetricKey, nonce: [UInt8], authenticating data: [UInt8]
    ) throws -> Data {
        let (subkey, short) = try derive(key, nonce)
        let box = try ChaChaPoly.SealedBox(
            nonce: short, ciphertext: sealed.dropLast(tagLength), tag: sealed.suffix(tagLength))
        return try ChaChaPoly.open(box, using: subkey, authenticating: data)
    }

    /// The first 16 bytes of the nonce go into the key, the other 8 into the short nonce.
    private static func derive(
        _ key: SymmetricKey, _ nonce: [UInt8]
    ) throws -> (SymmetricKey, ChaChaPoly.Nonce) {
        let subkey = key.withUnsafeBytes { ChaCha20.derive(key: Array($0), nonce: Array(nonce.prefix(16))) }
        return (
            SymmetricKey(data: subkey), try ChaChaPoly.Nonce(data: [0, 0, 0, 0] + nonce.dropFirst(16))
        )
    }
}
