// A token payment that anyone may carry to the chain (EIP-3009): amount, payee, window and nonce are signed.
// It must never leave the nonce to chance: the same operation signed twice must give the same authorization.

public import NodeModel

/// `transferWithAuthorization`, and `receiveWithAuthorization`, which only the payee can carry.
public struct TransferAuthorization: Hashable, Sendable {
    /// Which of the token's two functions it is for; a signature for one does not serve the other.
    public enum Kind: String, Sendable, CaseIterable {
        case transfer = "TransferWithAuthorization"
        case receive = "ReceiveWithAuthorization"
    }

    public var kind: Kind
    public var from: EVMAddress
    public var to: EVMAddress
    /// In the token's smallest unit.
    public var value: UInt256
    /// Unix seconds: valid after, and before.
    public var validAfter: UInt64
    public var validBefore: UInt64
    public var nonce: Digest

    public init(
        kind: Kind = .transfer, from: EVMAddress, to: EVMAddress, value: UInt256, validAfter: UInt64 = 0,
        validBefore: UInt64, nonce: Digest
    ) {
        self.kind = kind
        self.from = from
        self.to = to
        self.value = value
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.nonce = nonce
    }

    /// The nonce of an operation: the token's contract lets each nonce of a payer pass once, so that an operation
    /// that is signed again can never pay again.
    public static func nonce(operation: String, chainID: UInt64, token: EVMAddress) -> Digest {
        Digest(hashing: "infernet/eip3009/1\n\(chainID)\n\(token.lowercase)\n\(operation)")
    }

    /// The 32 bytes that the payer signs.
    public func digest(_ domain: EIP712Domain) throws(ABIError) -> [UInt8] {
        try domain.digest(
            TypedStruct(
                kind.rawValue,
                [
                    .init("from", .atom(.address)), .init("to", .atom(.address)),
                    .init("value", .atom(.uint(256))), .init("validAfter", .atom(.uint(256))),
                    .init("validBefore", .atom(.uint(256))), .init("nonce", .atom(.fixedBytes(32))),
                ]), values)
    }

    /// The call that carries the signed authorization to the token.
    public func call(_ signature: EVMSignature) throws(ABIError) -> [UInt8] {
        try function.call(
            values + [.uint(signature.legacyV), .bytes(signature.r), .bytes(signature.s)])
    }

    /// Whether `signature` is the payer's under `domain`.
    public func isSigned(by signature: EVMSignature, _ domain: EIP712Domain) throws(ABIError) -> Bool {
        signature.signer(of: try digest(domain)) == from
    }

    /// The token's function, with the signature in three arguments as EIP-3009 has it.
    public var function: ABIFunction {
        ABIFunction(
            kind == .transfer ? "transferWithAuthorization" : "receiveWithAuthorization",
            [
                .address, .address, .uint(256), .uint(256), .uint(256), .fixedBytes(32), .uint(8),
                .fixedBytes(32), .fixedBytes(32),
            ])
    }

    private var values: [ABIValue] {
        [
            .address(from), .address(to), .uint(value), .uint(validAfter), .uint(validBefore),
            .bytes(nonce.bytes),
        ]
    }
}
