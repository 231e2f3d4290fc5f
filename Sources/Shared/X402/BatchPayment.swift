// The payload of a payment by `batch-settlement`: a voucher, with a deposit where the channel needs one, or to end it.
// It must never be called good by its form alone: `problem` compares it with what was asked for, and its signature.

public import EVM
public import NodeModel

/// What a payer sends with a request.
public struct BatchPayment: Hashable, Sendable {
    public static let scheme = "batch-settlement"

    public enum Purpose: Hashable, Sendable {
        /// Opens the channel, or adds to it.
        case deposit(ChannelDeposit)
        case voucher
        /// Asks for the rest back, or for so much of it.
        case refund(UInt256?)
    }

    public var config: ChannelConfig
    public var signed: SignedVoucher
    public var purpose: Purpose

    public init(config: ChannelConfig, signed: SignedVoucher, purpose: Purpose = .voucher) {
        self.config = config
        self.signed = signed
        self.purpose = purpose
    }

    public init(_ payload: X402Value) throws(X402Error) {
        let fields = try X402Fields(payload, "payload")
        config = try ChannelConfig(try fields.required("channelConfig"), "payload.channelConfig")
        signed = try SignedVoucher(fields.object("voucher"))
        switch try fields.text("type", upTo: 16) {
        case "voucher": purpose = .voucher
        case "deposit": purpose = .deposit(try ChannelDeposit(fields.object("deposit")))
        case "refund": purpose = .refund(fields.has("amount") ? try fields.amount("amount") : nil)
        default: throw .field("payload.type", "must be voucher, deposit or refund")
        }
    }

    public var payload: X402Value {
        var members: [String: X402Value] = ["channelConfig": config.value, "voucher": signed.value]
        switch purpose {
        case .voucher: members["type"] = .text("voucher")
        case .deposit(let deposit):
            members["type"] = .text("deposit")
            members["deposit"] = deposit.value
        case .refund(let amount):
            members["type"] = .text("refund")
            members["amount"] = amount.map { .amount($0) }
        }
        return .object(members)
    }

    /// Why it is not a payment on the terms that were asked for; nil when it is. How much it covers is the book's to say.
    public func problem(_ asked: PaymentRequirements) -> String? {
        if asked.scheme != Self.scheme { return "another scheme was asked for" }
        guard let chainID = asked.chainID else { return "another kind of network was asked for" }
        if config.token != asked.asset { return "its channel holds another token" }
        if config.receiver != asked.payTo { return "its channel pays somebody else" }
        if asked.extra["receiverAuthorizer"] != .address(config.receiverAuthorizer) {
            return "its channel lets somebody else claim"
        }
        if let delay = asked.extra["withdrawDelay"], delay.integer != config.withdrawDelay {
            return "its channel has another delay for withdrawals"
        }
        if !signed.isSigned(for: config, chainID: chainID) { return "its voucher is not signed by the payer" }
        return nil
    }
}

/// Money for a channel, by an authorization that only the collector's contract can carry (EIP-3009).
public struct ChannelDeposit: Hashable, Sendable {
    public var amount: UInt256
    public var validAfter: UInt64
    public var validBefore: UInt64
    public var salt: Digest
    public var signature: EVMSignature

    public init(
        amount: UInt256, validAfter: UInt64 = 0, validBefore: UInt64, salt: Digest, signature: EVMSignature
    ) {
        self.amount = amount
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.salt = salt
        self.signature = signature
    }

    init(_ fields: X402Fields) throws(X402Error) {
        amount = try fields.amount("amount")
        let signed = try fields.object("authorization").object("erc3009Authorization")
        validAfter = try signed.seconds("validAfter")
        validBefore = try signed.seconds("validBefore")
        salt = try signed.word("salt")
        signature = try signed.signature("signature")
    }

    var value: X402Value {
        .object([
            "amount": .amount(amount),
            "authorization": .object([
                "erc3009Authorization": .object([
                    "validAfter": .text(String(validAfter)), "validBefore": .text(String(validBefore)),
                    "salt": .word(salt), "signature": .signature(signature),
                ])
            ]),
        ])
    }

    /// What the payer signs: its nonce is made of channel and salt, so that the money can go nowhere else.
    public static func authorization(
        _ config: ChannelConfig, channel: Digest, amount: UInt256, validAfter: UInt64 = 0,
        validBefore: UInt64, salt: Digest
    ) throws(ABIError) -> TransferAuthorization {
        let words = try ABI.encode(
            [.bytes(channel.bytes), .bytes(salt.bytes)], as: [.fixedBytes(32), .fixedBytes(32)])
        return TransferAuthorization(
            kind: .receive, from: config.payer, to: BatchSettlement.collector, value: amount,
            validAfter: validAfter, validBefore: validBefore,
            nonce: try ChannelConfig.digest(Keccak256.hash(words)))
    }

    /// What the collector's contract is given.
    public func collectorData() throws(ABIError) -> [UInt8] {
        try ABI.encode(
            [
                .uint(validAfter), .uint(validBefore), .bytes(salt.bytes), .bytes(signature.bytes),
            ], as: [.uint(256), .uint(256), .fixedBytes(32), .bytes])
    }
}
