// A payee's errand on the chain: the claim of what was charged, of one channel or of several in one transaction.
// It must never change once stored: a claim's total is made of the receipts, and whoever carries it claims no more.

import EVM
import NodeModel
import X402

/// What is claimed of one channel.
struct ClaimedChannel: Codable, Hashable, Sendable {
    /// The voucher's, which covers `total`.
    var ceiling: Int64
    var channel: StoredChannel
    var signature: String
    /// All that was ever charged, this claim included.
    var total: Int64

    init(_ voucher: SignedVoucher, _ channel: PaymentChannel, total: Int64) {
        ceiling = voucher.voucher.ceiling.exactInt64 ?? 0
        self.channel = StoredChannel(channel)
        signature = Hex.encode(voucher.signature.bytes)
        self.total = total
    }

    init(ceiling: Int64, channel: StoredChannel, signature: String, total: Int64) {
        self.ceiling = ceiling
        self.channel = channel
        self.signature = signature
        self.total = total
    }

    func made() throws -> BatchSettlement.Claim {
        let (config, id) = try channel.made()
        guard let bytes = Hex.decode(signature, count: 65), let signature = EVMSignature(bytes: bytes) else {
            throw ChainFault(description: "its voucher cannot be read")
        }
        let voucher = Voucher(channel: id, ceiling: UInt256(UInt64(clamping: ceiling)))
        return .init(
            config: config, signed: SignedVoucher(voucher: voucher, signature: signature),
            total: UInt256(UInt64(clamping: total)))
    }
}

/// A claim of all that was charged on a channel so far, paid out in the same transaction.
struct ChannelClaimTerms: Codable, Hashable, Sendable {
    static let errand = "channel-claim"

    var amount: Int64
    /// The voucher's, which covers `total`.
    var ceiling: Int64
    var chain: Int64
    var channel: StoredChannel
    var errand = ChannelClaimTerms.errand
    var from: String
    /// The claim that takes this one along, by its payment's id.
    var leader: String?
    /// Those that this one takes along; each has a payment of its own, which its channel's total proves.
    var others: [ClaimedChannel]?
    var signature: String
    /// All that was ever charged, this claim included.
    var total: Int64
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, ceiling, chain, channel, errand, from, leader, others, signature, total
        case validBefore = "valid_before"
    }

    init(
        amount: Int64, total: Int64, _ voucher: SignedVoucher, _ channel: PaymentChannel, validBefore: Int64,
        others: [ClaimedChannel] = [], leader: String? = nil
    ) {
        self.others = others.isEmpty ? nil : others
        self.leader = leader
        self.amount = amount
        self.total = total
        ceiling = voucher.voucher.ceiling.exactInt64 ?? 0
        signature = Hex.encode(voucher.signature.bytes)
        chain = Int64(clamping: channel.chainID)
        self.channel = StoredChannel(channel)
        from = channel.config.receiver.lowercase
        self.validBefore = validBefore
    }
}

extension ChannelClaimTerms: EVMErrand {
    var payee: String { "claim:\(channel.id)" }
    var spends: UInt64 { 0 }
    var gasShare: UInt64 { 3 + UInt64(others?.count ?? 0) }
    var provesItself: Bool { true }

    func account(_ rail: String) throws -> String? { "due:\(rail):channel:\(channel.id)" }
    func contract() throws -> EVMAddress { BatchSettlement.contract }

    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] { try call() }
    func matches(_ call: [UInt8]) throws -> Bool {
        let others = others != nil
        return try self.call() == call || (others && alone.call() == call)
    }

    /// The same without those that it takes along.
    var alone: ChannelClaimTerms {
        var alone = self
        alone.others = nil
        return alone
    }

    private func call() throws -> [UInt8] {
        let own = ClaimedChannel(ceiling: ceiling, channel: channel, signature: signature, total: total)
        let config = try channel.made().config
        return try BatchSettlement.claimCall(
            try ([own] + (others ?? [])).map { try $0.made() }, receiver: config.receiver, token: config.token
        )
    }

    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        try await client.channel(try channel.made().id, place).claimed >= UInt256(UInt64(clamping: total))
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
