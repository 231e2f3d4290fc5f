// What all kinds of transaction have in common, and how signed bytes become one again.
// It must never broadcast, sign, or judge whether a transaction should be.

/// Why bytes are not a signed transaction that Infernet makes.
public enum EVMTransactionError: Error, Hashable, Sendable, CustomStringConvertible {
    case rlp(RLPError)
    /// A type other than legacy and 2, or a legacy transaction without a chain (before EIP-155).
    case unsupported
    /// A field has the wrong form.
    case badField(String)
    /// The signature is out of range, has a high s, or no key can have made it.
    case badSignature

    public var description: String {
        switch self {
        case .rlp(let error): error.description
        case .unsupported: "the transaction is of a kind that is not used here"
        case .badField(let name): "the transaction's \(name) has the wrong form"
        case .badSignature: "the transaction's signature is not valid"
        }
    }
}

/// A transaction of one of the kinds that Infernet uses.
public enum EVMTransaction: Hashable, Sendable {
    case legacy(LegacyTransaction)
    case feeMarket(FeeMarketTransaction)

    /// The 32 bytes that are signed.
    public var signingHash: [UInt8] {
        switch self {
        case .legacy(let transaction): transaction.signingHash
        case .feeMarket(let transaction): transaction.signingHash
        }
    }

    /// The raw bytes that are broadcast.
    public func encoded(_ signature: EVMSignature) -> [UInt8] {
        switch self {
        case .legacy(let transaction): transaction.encoded(signature)
        case .feeMarket(let transaction): transaction.encoded(signature)
        }
    }

    /// What the chain calls it: the hash of the raw bytes.
    public static func hash(raw: [UInt8]) -> [UInt8] { Keccak256.hash(raw) }
}

/// A transaction with its signature, read from raw bytes.
public struct SignedEVMTransaction: Hashable, Sendable {
    public let transaction: EVMTransaction
    public let signature: EVMSignature
    /// Whose account it spends from.
    public let sender: EVMAddress

    /// - Throws: `EVMTransactionError`; what is read is spelled in no other way.
    public init(raw: [UInt8]) throws(EVMTransactionError) {
        switch raw.first {
        case .some(FeeMarketTransaction.type):
            let (transaction, signature) = try FeeMarketTransaction.decode(raw.dropFirst())
            try self.init(.feeMarket(transaction), signature)
        case .some(0xC0...):
            let (transaction, signature) = try LegacyTransaction.decode(raw)
            try self.init(.legacy(transaction), signature)
        default: throw .unsupported
        }
    }

    private init(_ transaction: EVMTransaction, _ signature: EVMSignature) throws(EVMTransactionError) {
        guard let sender = signature.signer(of: transaction.signingHash) else { throw .badSignature }
        self.transaction = transaction
        self.signature = signature
        self.sender = sender
    }
}

/// Reads the fields of a transaction in their order.
struct TransactionFields {
    private var items: ArraySlice<RLP>

    init(_ bytes: some Collection<UInt8>, count: Int) throws(EVMTransactionError) {
        let item: RLP
        do { item = try RLP(decoding: bytes) } catch { throw .rlp(error) }
        guard case .list(let items) = item, items.count == count else { throw .badField("list of fields") }
        self.items = items[...]
    }

    mutating func bytes(_ name: String) throws(EVMTransactionError) -> [UInt8] {
        guard case .bytes(let bytes) = items.popFirst() else { throw .badField(name) }
        return bytes
    }

    mutating func number(_ name: String) throws(EVMTransactionError) -> UInt256 {
        let bytes = try bytes(name)
        guard bytes.first != 0, let value = UInt256(bytes: bytes) else { throw .badField(name) }
        return value
    }

    mutating func small(_ name: String) throws(EVMTransactionError) -> UInt64 {
        guard let value = try number(name).exactUInt64 else { throw .badField(name) }
        return value
    }

    /// The payee; nil for the making of a contract.
    mutating func payee(_ name: String) throws(EVMTransactionError) -> EVMAddress? {
        let bytes = try bytes(name)
        if bytes.isEmpty { return nil }
        guard let address = EVMAddress(bytes: bytes) else { throw .badField(name) }
        return address
    }

    mutating func list(_ name: String) throws(EVMTransactionError) -> [RLP] {
        guard case .list(let items) = items.popFirst() else { throw .badField(name) }
        return items
    }
}
