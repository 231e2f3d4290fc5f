// The contract of x402's `batch-settlement`: its address on every chain, its functions, what it is asked and answers.
// It must never be another contract's address: the collector and the domain belong to this one.

public import EVM
import NodeModel

/// The contract and its calls.
public enum BatchSettlement {
    public static let contract = address("4020074e9df2ce1dee5a9c1b5c3f541d02a10003")
    /// Takes deposits by EIP-3009.
    public static let collector = address("4020806089470a89826cb9fb1f4059150b550004")

    /// What its signatures are bound to.
    public static func domain(_ chainID: UInt64) -> EIP712Domain {
        EIP712Domain(name: "x402 Batch Settlement", version: "1", chainID: chainID, contract: contract)
    }

    /// A voucher and how much of it is claimed.
    public struct Claim: Hashable, Sendable {
        public var config: ChannelConfig
        public var signed: SignedVoucher
        /// All that was ever claimed from the channel, this claim included.
        public var total: UInt256

        public init(config: ChannelConfig, signed: SignedVoucher, total: UInt256) {
            self.config = config
            self.signed = signed
            self.total = total
        }

        static let type = ABIType.tuple([
            .tuple([ChannelConfig.abiType, .uint(128)]), .bytes, .uint(128),
        ])
        var abi: ABIValue {
            .list([
                .list([config.abi, .uint(signed.voucher.ceiling)]), .bytes(signed.signature.bytes),
                .uint(total),
            ])
        }
    }

    public static let deposit = ABIFunction(
        "deposit", [ChannelConfig.abiType, .uint(128), .address, .bytes])
    public static let claim = ABIFunction("claim", [.array(Claim.type)])
    public static let settle = ABIFunction("settle", [.address, .address])
    public static let multicall = ABIFunction("multicall", [.array(.bytes)], returns: [.array(.bytes)])
    public static let refund = ABIFunction("refund", [ChannelConfig.abiType, .uint(128)])
    public static let initiateWithdraw = ABIFunction(
        "initiateWithdraw", [ChannelConfig.abiType, .uint(128)])
    public static let finalizeWithdraw = ABIFunction("finalizeWithdraw", [ChannelConfig.abiType])
    /// What a channel holds and what was claimed of it, both over its whole life.
    public static let channels = ABIFunction(
        "channels", [.fixedBytes(32)], returns: [.uint(128), .uint(128)])
    /// What the payer wants back, and since when.
    public static let pendingWithdrawals = ABIFunction(
        "pendingWithdrawals", [.fixedBytes(32)], returns: [.uint(128), .uint(40)])
    public static let getChannelId = ABIFunction(
        "getChannelId", [ChannelConfig.abiType], returns: [.fixedBytes(32)])

    /// Puts money into a channel.
    public static func depositCall(_ config: ChannelConfig, _ deposit: ChannelDeposit) throws(ABIError)
        -> [UInt8]
    {
        try Self.deposit.call([
            config.abi, .uint(deposit.amount), .address(collector),
            .bytes(try deposit.collectorData()),
        ])
    }

    /// Claims, and has what was claimed paid out, in one transaction.
    public static func claimCall(_ claims: [Claim], receiver: EVMAddress, token: EVMAddress)
        throws(ABIError)
        -> [UInt8]
    {
        let parts: [ABIValue] = [
            .bytes(try claim.call([.list(claims.map(\.abi))])),
            .bytes(try settle.call([.address(receiver), .address(token)])),
        ]
        return try multicall.call([.list(parts)])
    }

    /// Asks for money back; it is the payer's after the channel's delay.
    public static func initiateWithdrawCall(_ config: ChannelConfig, _ amount: UInt256) throws(ABIError)
        -> [UInt8]
    {
        try initiateWithdraw.call([config.abi, .uint(amount)])
    }

    public static func finalizeWithdrawCall(_ config: ChannelConfig) throws(ABIError) -> [UInt8] {
        try finalizeWithdraw.call([config.abi])
    }

    /// Gives money back to the payer at once; the payee's to call.
    public static func refundCall(_ config: ChannelConfig, _ amount: UInt256) throws(ABIError) -> [UInt8] {
        try refund.call([config.abi, .uint(amount)])
    }

    private static func address(_ digits: String) -> EVMAddress {
        Hex.decode(digits, count: 20).flatMap { EVMAddress(bytes: $0) } ?? .zero
    }
}
