// A payment channel of x402's `batch-settlement`: what it is made of, and the id that the contract gives it.
// It must never be told apart by anything but its id: two configurations with one id are one channel.

public import EVM
public import NodeModel

/// Who pays whom in which token, and how long a payer who wants the rest back must wait.
public struct ChannelConfig: Hashable, Sendable {
    /// Seconds: fifteen minutes to thirty days.
    public static let delays: ClosedRange<Int64> = 900...2_592_000

    public var payer: EVMAddress
    /// Who signs the vouchers; the payer itself when zero, and then its contract is asked.
    public var payerAuthorizer: EVMAddress
    public var receiver: EVMAddress
    public var receiverAuthorizer: EVMAddress
    public var token: EVMAddress
    public var withdrawDelay: Int64
    public var salt: Digest

    public init(
        payer: EVMAddress, payerAuthorizer: EVMAddress, receiver: EVMAddress,
        receiverAuthorizer: EVMAddress, token: EVMAddress, withdrawDelay: Int64, salt: Digest
    ) {
        self.payer = payer
        self.payerAuthorizer = payerAuthorizer
        self.receiver = receiver
        self.receiverAuthorizer = receiverAuthorizer
        self.token = token
        self.withdrawDelay = withdrawDelay
        self.salt = salt
    }

    public init(_ value: X402Value, _ path: String = "channelConfig") throws(X402Error) {
        let fields = try X402Fields(value, path)
        payer = try fields.address("payer")
        payerAuthorizer = try fields.address("payerAuthorizer")
        receiver = try fields.address("receiver")
        receiverAuthorizer = try fields.address("receiverAuthorizer")
        token = try fields.address("token")
        withdrawDelay = try fields.integer("withdrawDelay", Self.delays)
        salt = try fields.word("salt")
    }

    public var value: X402Value {
        .object([
            "payer": .address(payer), "payerAuthorizer": .address(payerAuthorizer),
            "receiver": .address(receiver), "receiverAuthorizer": .address(receiverAuthorizer),
            "token": .address(token), "withdrawDelay": .number(withdrawDelay), "salt": .word(salt),
        ])
    }

    /// The contract's name for it, bound to the chain.
    public func id(chainID: UInt64) throws(ABIError) -> Digest {
        try Self.digest(BatchSettlement.domain(chainID).digest(Self.type, members))
    }

    static let type = TypedStruct(
        "ChannelConfig",
        [
            .init("payer", .atom(.address)), .init("payerAuthorizer", .atom(.address)),
            .init("receiver", .atom(.address)), .init("receiverAuthorizer", .atom(.address)),
            .init("token", .atom(.address)), .init("withdrawDelay", .atom(.uint(40))),
            .init("salt", .atom(.fixedBytes(32))),
        ])

    /// As an argument of the contract.
    static let abiType = ABIType.tuple([
        .address, .address, .address, .address, .address, .uint(40), .fixedBytes(32),
    ])

    /// As the contract takes it.
    public var abi: ABIValue { .list(members) }

    private var members: [ABIValue] {
        [
            .address(payer), .address(payerAuthorizer), .address(receiver), .address(receiverAuthorizer),
            .address(token), .uint(UInt64(clamping: withdrawDelay)), .bytes(salt.bytes),
        ]
    }

    static func digest(_ bytes: [UInt8]) throws(ABIError) -> Digest {
        guard let digest = Digest(bytes: bytes) else { throw .truncated }
        return digest
    }
}
