// BIP-340 signature verification. It must never sign: private keys live in ledger-d alone.

import CSecp256k1

/// BIP-340 Schnorr signatures over secp256k1: checking only.
public enum Schnorr {
    /// Whether `signature` (64 bytes) by `publicKey` (32 bytes, x-only) over `message` (any length) is valid.
    ///
    /// Wrong lengths, a key that is not on the curve and out-of-range values are all `false`.
    public static func verify(signature: [UInt8], message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == 64, let key = parse(publicKey) else { return false }
        return withUnsafePointer(to: key) {
            secp256k1_schnorrsig_verify(Secp256k1Context.shared, signature, message, message.count, $0) == 1
        }
    }

    /// Whether 32 bytes are the x coordinate of a point on the curve, thus a usable public key.
    public static func isValidPublicKey(_ publicKey: [UInt8]) -> Bool {
        parse(publicKey) != nil
    }

    private static func parse(_ publicKey: [UInt8]) -> secp256k1_xonly_pubkey? {
        guard publicKey.count == 32 else { return nil }
        var key = secp256k1_xonly_pubkey()
        guard secp256k1_xonly_pubkey_parse(Secp256k1Context.shared, &key, publicKey) == 1 else { return nil }
        return key
    }
}
