// A transaction with one gas price, bound to its chain (EIP-155).
// It must never be signed without the chain's id: it could be replayed on another chain.

/// A legacy transaction.
public struct LegacyTransaction: Hashable, Sendable {
    /// The highest chain id whose `v` fits into 64 bits.
    public static let highestChainID = (UInt64.max - 36) / 2

    public var chainID: UInt64
    public var nonce: UInt64
    public var gasPrice: UInt256
    public var gasLimit: UInt64
    /// Nil makes a contract.
    public var to: EVMAddress?
    /// In wei.
    public var value: UInt256
    public var data: [UInt8]

    /// - Returns: nil when the chain's id is zero or above `highestChainID`.
    public init?(
        chainID: UInt64, nonce: UInt64, gasPrice: UInt256, gasLimit: UInt64, to: EVMAddress?,
        value: UInt256 = .zero, data: [UInt8] = []
    ) {
        guard (1...Self.highestChainID).contains(chainID) else { return nil }
        self.chainID = chainID
        self.nonce = nonce
        self.gasPrice = gasPrice
        self.gasLimit = gasLimit
        self.to = to
        self.value = value
        self.data = data
    }

    /// What is hashed for signing.
    public var signingBytes: [UInt8] {
        RLP.list(fields + [.number(chainID), .bytes([]), .bytes([])]).encoded
    }

    /// The 32 bytes that are signed.
    public var signingHash: [UInt8] { Keccak256.hash(signingBytes) }

    /// The raw bytes that are broadcast.
    public func encoded(_ signature: EVMSignature) -> [UInt8] {
        RLP.list(
            fields + [
                .number(chainID * 2 + 35 + UInt64(signature.parity)),
                .number(UInt256(bytes: signature.r) ?? .zero), .number(UInt256(bytes: signature.s) ?? .zero),
            ]
        ).encoded
    }

    static func decode(
        _ raw: [UInt8]
    ) throws(EVMTransactionError) -> (LegacyTransaction, EVMSignature) {
        var fields = try TransactionFields(raw, count: 9)
        let (nonce, gasPrice) = (try fields.small("nonce"), try fields.number("gas price"))
        let (gasLimit, to) = (try fields.small("gas limit"), try fields.payee("payee"))
        let (value, data) = (try fields.number("value"), try fields.bytes("data"))
        let v = try fields.small("v")
        // 27 and 28 are from before EIP-155 and bind to no chain.
        guard v >= 37,
            let transaction = LegacyTransaction(
                chainID: (v - 35) / 2, nonce: nonce, gasPrice: gasPrice, gasLimit: gasLimit, to: to,
                value: value, data: data)
        else { throw .unsupported }
        guard
            let signature = EVMSignature(
                r: try fields.number("r"), s: try fields.number("s"), parity: (v - 35) % 2)
        else { throw .badSignature }
        return (transaction, signature)
    }

    private var fields: [RLP] {
        [
            .number(nonce), .number(gasPrice), .number(gasLimit), .bytes(to?.bytes ?? []), .number(value),
            .bytes(data),
        ]
    }
}
