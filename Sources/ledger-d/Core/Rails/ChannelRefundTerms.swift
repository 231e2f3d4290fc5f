// A payee's errand on the chain: gives a payer the rest of a channel, and claims what is due before, in one transaction.
// It must never change once stored: the contract lets its nonce pass once, whoever carries it and however often.

import EVM
import NodeModel
import X402

struct ChannelRefundTerms: Codable, Hashable, Sendable {
    static let errand = "channel-refund"

    var amount: Int64
    var chain: Int64
    var channel: StoredChannel
    /// What is claimed with it; nil where nothing was ever charged.
    var claimed: ClaimedChannel?
    var errand = ChannelRefundTerms.errand
    var from: String
    /// The contract's for this channel.
    var nonce: Int64
    /// Of this node's account.
    var signature: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, channel, claimed, errand, from, nonce, signature
        case validBefore = "valid_before"
    }

    init(
        amount: Int64, _ refund: ChannelRefund, claimed: ClaimedChannel?, _ signature: EVMSignature,
        validBefore: Int64
    ) {
        self.amount = amount
        self.claimed = claimed
        self.signature = Hex.encode(signature.bytes)
        self.validBefore = validBefore
        nonce = refund.nonce
        chain = Int64(clamping: refund.channel.chainID)
        channel = StoredChannel(refund.channel)
        from = refund.channel.config.receiver.lowercase
    }

    static func party(_ channel: PaymentChannel) -> String { "\(channel.rail):refund:\(channel.id.hex)" }
    /// The payer's money while it passes through the books.
    static func account(_ channel: PaymentChannel) -> String {
        "due:\(channel.rail):refund:channel:\(channel.id.hex)"
    }
    static func id(_ channel: PaymentChannel, _ number: Int, _ attempt: String) -> String {
        "claim/refund/\(channel.id.hex)/\(number)/\(attempt)"
    }
}

extension ChannelRefundTerms: EVMErrand {
    var payee: String { "refund:\(channel.id)" }
    var spends: UInt64 { 0 }
    var gasShare: UInt64 { 5 }
    var provesItself: Bool { true }

    func account(_ rail: String) throws -> String? { "due:\(rail):refund:channel:\(channel.id)" }
    func contract() throws -> EVMAddress { BatchSettlement.contract }
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] { try call() }
    func matches(_ call: [UInt8]) throws -> Bool { try self.call() == call }

    private func call() throws -> [UInt8] {
        guard let bytes = Hex.decode(signature, count: 65), let signature = EVMSignature(bytes: bytes) else {
            throw ChainFault(description: "its signature cannot be read")
        }
        return try BatchSettlement.Refund(
            config: try channel.made().config, amount: UInt256(UInt64(clamping: amount)),
            nonce: UInt256(UInt64(clamping: nonce)), signature: signature, claim: try claimed?.made()
        ).call()
    }

    /// Done when the contract has let this nonce pass.
    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        try await client.refunds(try channel.made().id, place) > UInt256(UInt64(clamping: nonce))
    }

    func carriers(_ client: ChainClient, _ token: EVMToken, in blocks: ClosedRange<UInt64>) async throws
        -> [[UInt8]]
    {
        []
    }

    func pays(_ receipt: ChainReceipt, _ token: EVMToken) throws -> Bool {
        receipt.status.value == UInt256(1)
    }
}

extension ChainClient {
    /// How many signed refunds passed on a channel.
    func refunds(_ id: Digest, _ place: Place) async throws -> UInt256 {
        let said = try await call(
            BatchSettlement.refundNonce, [.bytes(id.bytes)], at: BatchSettlement.contract, place)
        guard case .uint(let count)? = said.first, said.count == 1 else {
            throw ChainTrouble.unreadable("refundNonce")
        }
        return count
    }
}
