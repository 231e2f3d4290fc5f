// ECDSA over secp256k1 as Ethereum and Lightning use it: checking, and recovering who signed.
// It must never sign: private keys live in ledger-d alone.

import CSecp256k1

/// A secp256k1 public key with its parity, as Ethereum addresses and Lightning node ids are made of.
public struct ECDSAPublicKey: Hashable, Sendable, CustomStringConvertible {
    /// SEC 1 compressed form, 33 bytes.
    public let compressed: [UInt8]

    /// - Returns: nil unless the bytes are a point on the curve in SEC 1 form, compressed (33) or not (65).
    public init?(bytes: [UInt8]) {
        guard [33, 65].contains(bytes.count) else { return nil }
        var point = secp256k1_pubkey()
        guard secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &point, bytes, bytes.count) == 1 else {
            return nil
        }
        self.init(&point)
    }

    init(_ point: inout secp256k1_pubkey) {
        compressed = Self.serialize(&point, SECP256K1_EC_COMPRESSED, 33)
    }

    /// SEC 1 uncompressed form, 65 bytes: 4, x, y.
    public var uncompressed: [UInt8] {
        var point = parsed
        return Self.serialize(&point, SECP256K1_EC_UNCOMPRESSED, 65)
    }

    /// The x coordinate alone: the Nostr key of the same secret.
    public var xOnly: [UInt8] { Array(compressed.dropFirst()) }

    /// Hexadecimal of the compressed form.
    public var description: String { Hex.encode(compressed) }

    /// Whether `compact` (r and s, 64 bytes) is this key's signature over a 32-byte digest.
    ///
    /// A high s is refused: each signature has one valid form (BIP-62, EIP-2).
    public func verify(compact: [UInt8], digest: [UInt8]) -> Bool {
        guard compact.count == 64, digest.count == 32 else { return false }
        var signature = secp256k1_ecdsa_signature()
        guard secp256k1_ecdsa_signature_parse_compact(Secp256k1Context.shared, &signature, compact) == 1
        else {
            return false
        }
        var point = parsed
        return secp256k1_ecdsa_verify(Secp256k1Context.shared, &signature, digest, &point) == 1
    }

    private var parsed: secp256k1_pubkey {
        var point = secp256k1_pubkey()
        // Cannot fail: the bytes came from a point.
        _ = secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &point, compressed, compressed.count)
        return point
    }

    private static func serialize(_ point: inout secp256k1_pubkey, _ form: Int32, _ length: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: length)
        var count = length
        secp256k1_ec_pubkey_serialize(Secp256k1Context.shared, &out, &count, &point, UInt32(form))
        return out
    }
}

/// An ECDSA signature from which its author can be recovered.
public struct RecoverableSignature: Hashable, Sendable {
    /// r and s, 32 big-endian bytes each.
    public let compact: [UInt8]
    /// Which of up to four points is meant, 0 to 3.
    public let recoveryID: UInt8

    /// - Returns: nil unless there are 64 bytes, r and s are below the curve's order, and the id is 0 to 3.
    public init?(compact: [UInt8], recoveryID: UInt8) {
        guard compact.count == 64, recoveryID < 4 else { return nil }
        var signature = secp256k1_ecdsa_signature()
        guard secp256k1_ecdsa_signature_parse_compact(Secp256k1Context.shared, &signature, compact) == 1
        else {
            return nil
        }
        self.compact = compact
        self.recoveryID = recoveryID
    }

    /// Whether s is in the lower half of its range, the only form that Ethereum accepts (EIP-2).
    public var hasLowS: Bool {
        var signature = secp256k1_ecdsa_signature()
        guard secp256k1_ecdsa_signature_parse_compact(Secp256k1Context.shared, &signature, compact) == 1
        else {
            return false
        }
        return secp256k1_ecdsa_signature_normalize(Secp256k1Context.shared, nil, &signature) == 0
    }

    /// Who signed this 32-byte digest; nil when no key can have.
    public func signer(of digest: [UInt8]) -> ECDSAPublicKey? {
        guard digest.count == 32 else { return nil }
        var signature = secp256k1_ecdsa_recoverable_signature()
        var point = secp256k1_pubkey()
        guard
            secp256k1_ecdsa_recoverable_signature_parse_compact(
                Secp256k1Context.shared, &signature, compact, Int32(recoveryID)) == 1,
            secp256k1_ecdsa_recover(Secp256k1Context.shared, &point, &signature, digest) == 1
        else { return nil }
        return ECDSAPublicKey(&point)
    }
}
