// A voucher: the payer lets the payee take up to so much from a channel, all told. Each replaces the one before.
// It must never be read as an amount of its own: it is a ceiling on the sum of all that was ever taken.

public import EVM
public import NodeModel

/// What the payer signs.
public struct Voucher: Hashable, Sendable {
    public var channel: Digest
    /// The most that may be claimed from the channel over its whole life.
    public var ceiling: UInt256

    public init(channel: Digest, ceiling: UInt256) {
        self.channel = channel
        self.ceiling = ceiling
    }

    static let type = TypedStruct(
        "Voucher",
        [.init("channelId", .atom(.fixedBytes(32))), .init("maxClaimableAmount", .atom(.uint(128)))])

    /// The 32 bytes that are signed.
    public func digest(chainID: UInt64) throws(ABIError) -> [UInt8] {
        try BatchSettlement.domain(chainID).digest(Self.type, [.bytes(channel.bytes), .uint(ceiling)])
    }
}

/// A voucher with its signature.
public struct SignedVoucher: Hashable, Sendable {
    public var voucher: Voucher
    public var signature: EVMSignature

    public init(voucher: Voucher, signature: EVMSignature) {
        self.voucher = voucher
        self.signature = signature
    }

    init(_ fields: X402Fields) throws(X402Error) {
        voucher = Voucher(
            channel: try fields.word("channelId"), ceiling: try fields.amount("maxClaimableAmount"))
        signature = try fields.signature("signature")
    }

    var value: X402Value {
        .object([
            "channelId": .word(voucher.channel), "maxClaimableAmount": .amount(voucher.ceiling),
            "signature": .signature(signature),
        ])
    }

    /// Whether it is of this channel and signed by the account that may.
    ///
    /// A channel whose vouchers a contract signs is not ours to judge, so that it is refused.
    public func isSigned(for config: ChannelConfig, chainID: UInt64) -> Bool {
        guard config.payerAuthorizer != .zero, let id = try? config.id(chainID: chainID),
            id == voucher.channel, let digest = try? voucher.digest(chainID: chainID)
        else { return false }
        return signature.signer(of: digest) == config.payerAuthorizer
    }
}
