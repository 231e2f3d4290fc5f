// A signature as EVM chains take it: r, s, and the parity that gives the signer back.
// It must never pass with a high s: every signature has one form (EIP-2).

public import NodeModel

/// An ECDSA signature of an EVM account.
public struct EVMSignature: Hashable, Sendable {
    private let signature: RecoverableSignature

    /// - Returns: nil unless the id is 0 or 1, s is low, and r and s are not zero.
    public init?(_ signature: RecoverableSignature) {
        guard signature.recoveryID < 2, signature.hasLowS,
            signature.compact.prefix(32).contains(where: { $0 != 0 }),
            signature.compact.suffix(32).contains(where: { $0 != 0 })
        else { return nil }
        self.signature = signature
    }

    /// From the numbers of a transaction.
    init?(r: UInt256, s: UInt256, parity: UInt64) {
        guard parity < 2,
            let signature = RecoverableSignature(
                compact: r.bytes + s.bytes, recoveryID: UInt8(parity))
        else { return nil }
        self.init(signature)
    }

    /// From 65 bytes: r, s, and 27 or 28 (as wallets write it) or 0 or 1.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 65, [0, 1, 27, 28].contains(bytes[64]),
            let signature = RecoverableSignature(
                compact: Array(bytes[..<64]), recoveryID: bytes[64] % 27)
        else { return nil }
        self.init(signature)
    }

    public var r: [UInt8] { Array(signature.compact[..<32]) }
    public var s: [UInt8] { Array(signature.compact[32...]) }
    /// 0 or 1.
    public var parity: UInt8 { signature.recoveryID }
    /// 27 or 28.
    public var legacyV: UInt64 { 27 + UInt64(parity) }
    /// r, s, and 27 or 28: 65 bytes.
    public var bytes: [UInt8] { signature.compact + [27 + parity] }

    /// Whose account signed this digest; nil when nobody can have.
    public func signer(of digest: [UInt8]) -> EVMAddress? {
        signature.signer(of: digest).map { EVMAddress($0) }
    }
}
