// A payee's refund: what is left in a channel goes back to its payer at once. The payee's authorizer signs it for one nonce of
// the channel, so that it passes once, whoever carries it. It must never leave without the claim of what is due.

public import EVM

extension BatchSettlement {
    public static let refundWithSignature = ABIFunction(
        "refundWithSignature", [ChannelConfig.abiType, .uint(128), .uint(256), .bytes])
    /// How many signed refunds the contract let pass on a channel.
    public static let refundNonce = ABIFunction("refundNonce", [.fixedBytes(32)], returns: [.uint(256)])

    public struct Refund: Hashable, Sendable {
        public var config: ChannelConfig
        public var amount: UInt256
        public var nonce: UInt256
        /// Of the receiver's authorizer, under `refundDigest`.
        public var signature: EVMSignature
        /// What is claimed first, in the same transaction; nil where nothing was ever charged.
        public var claim: Claim?

        public init(
            config: ChannelConfig, amount: UInt256, nonce: UInt256, signature: EVMSignature, claim: Claim?
        ) {
            self.config = config
            self.amount = amount
            self.nonce = nonce
            self.signature = signature
            self.claim = claim
        }

        /// Both or neither: what was claimed before is claimed for nothing, and what was not comes first.
        public func call() throws(ABIError) -> [UInt8] {
            let back = try BatchSettlement.refundWithSignature.call([
                config.abi, .uint(amount), .uint(nonce), .bytes(signature.bytes),
            ])
            guard let claim else { return back }
            let parts: [ABIValue] = [
                .bytes(try BatchSettlement.claim.call([.list([claim.abi])])),
                .bytes(
                    try BatchSettlement.settle.call([.address(config.receiver), .address(config.token)])),
                .bytes(back),
            ]
            return try BatchSettlement.multicall.call([.list(parts)])
        }
    }
}
