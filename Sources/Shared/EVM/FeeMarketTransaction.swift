// A transaction with a ceiling on its fee and a tip (EIP-1559): what Infernet sends.
// It must never have a tip above its ceiling: nodes refuse that.

/// A type 2 transaction.
public struct FeeMarketTransaction: Hashable, Sendable {
    static let type: UInt8 = 2

    /// Storage that the transaction announces to touch (EIP-2930).
    public struct Access: Hashable, Sendable {
        public var address: EVMAddress
        /// 32 bytes each.
        public var keys: [UInt256]
        public init(address: EVMAddress, keys: [UInt256]) {
            self.address = address
            self.keys = keys
        }
    }

    public var chainID: UInt64
    public var nonce: UInt64
    /// Wei for each gas: the tip, and the most that is paid in all.
    public var maxPriorityFee: UInt256
    public var maxFee: UInt256
    public var gasLimit: UInt64
    /// Nil makes a contract.
    public var to: EVMAddress?
    /// In wei.
    public var value: UInt256
    public var data: [UInt8]
    public var accessList: [Access]

    /// - Returns: nil when the chain's id is zero or the tip is above the ceiling.
    public init?(
        chainID: UInt64, nonce: UInt64, maxPriorityFee: UInt256, maxFee: UInt256, gasLimit: UInt64,
        to: EVMAddress?, value: UInt256 = .zero, data: [UInt8] = [], accessList: [Access] = []
    ) {
        guard chainID > 0, maxPriorityFee <= maxFee else { return nil }
        self.chainID = chainID
        self.nonce = nonce
        self.maxPriorityFee = maxPriorityFee
        self.maxFee = maxFee
        self.gasLimit = gasLimit
        self.to = to
        self.value = value
        self.data = data
        self.accessList = accessList
    }

    /// The most that it can cost in wei, value included; nil when that is no number.
    public var highestCost: UInt256? { maxFee.multiplied(by: gasLimit)?.adding(value) }

    /// What is hashed for signing.
    public var signingBytes: [UInt8] { [Self.type] + RLP.list(fields).encoded }

    /// The 32 bytes that are signed.
    public var signingHash: [UInt8] { Keccak256.hash(signingBytes) }

    /// The raw bytes that are broadcast.
    public func encoded(_ signature: EVMSignature) -> [UInt8] {
        [Self.type]
            + RLP.list(
                fields + [
                    .number(UInt64(signature.parity)), .number(UInt256(bytes: signature.r) ?? .zero),
                    .number(UInt256(bytes: signature.s) ?? .zero),
                ]
            ).encoded
    }

    static func decode(
        _ bytes: some Collection<UInt8>
    ) throws(EVMTransactionError) -> (FeeMarketTransaction, EVMSignature) {
        var fields = try TransactionFields(bytes, count: 12)
        let (chainID, nonce) = (try fields.small("chain id"), try fields.small("nonce"))
        let (tip, ceiling) = (try fields.number("tip"), try fields.number("fee ceiling"))
        let (gasLimit, to) = (try fields.small("gas limit"), try fields.payee("payee"))
        let (value, data) = (try fields.number("value"), try fields.bytes("data"))
        var accessList: [Access] = []
        for item in try fields.list("access list") { accessList.append(try access(item)) }
        guard
            let transaction = FeeMarketTransaction(
                chainID: chainID, nonce: nonce, maxPriorityFee: tip, maxFee: ceiling, gasLimit: gasLimit,
                to: to, value: value, data: data, accessList: accessList)
        else { throw .badField("fee ceiling") }
        let parity = try fields.small("parity")
        guard
            let signature = EVMSignature(
                r: try fields.number("r"), s: try fields.number("s"), parity: parity)
        else { throw .badSignature }
        return (transaction, signature)
    }

    private static func access(_ item: RLP) throws(EVMTransactionError) -> Access {
        guard case .list(let pair) = item, pair.count == 2, case .bytes(let bytes) = pair[0],
            let address = EVMAddress(bytes: bytes), case .list(let items) = pair[1]
        else { throw .badField("access list") }
        var keys: [UInt256] = []
        for item in items {
            guard case .bytes(let bytes) = item, bytes.count == 32, let key = UInt256(bytes: bytes) else {
                throw .badField("access list")
            }
            keys.append(key)
        }
        return Access(address: address, keys: keys)
    }

    private var fields: [RLP] {
        [
            .number(chainID), .number(nonce), .number(maxPriorityFee), .number(maxFee), .number(gasLimit),
            .bytes(to?.bytes ?? []), .number(value), .bytes(data),
            .list(
                accessList.map { access in
                    .list([.bytes(access.address.bytes), .list(access.keys.map { .bytes($0.bytes) })])
                }),
        ]
    }
}
