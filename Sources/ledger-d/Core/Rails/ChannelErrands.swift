// A payer's errand on the chain: its deposit into a channel; and what a channel is asked of the chain.
// It must never change once stored: a deposit's nonce is made of channel and payment.

import EVM
import NodeModel
import X402

/// A channel's configuration as stored terms have it.
struct StoredChannel: Codable, Hashable, Sendable {
    /// The JSON of x402.
    var config: String
    var id: String

    init(_ channel: PaymentChannel) {
        config = String(decoding: channel.config.value.json, as: UTF8.self)
        id = channel.id.hex
    }

    func made() throws -> (config: ChannelConfig, id: Digest) {
        guard let id = Digest(hex: id) else { throw ChainFault(description: "its channel has no id") }
        return (try ChannelConfig(X402Value(Array(config.utf8))), id)
    }
}

/// Money for a channel: one authorization that only the collector's contract can carry, into this channel only.
struct ChannelDepositTerms: Codable, Hashable, Sendable {
    static let errand = "channel-deposit"

    var amount: Int64
    var chain: Int64
    var channel: StoredChannel
    var errand = ChannelDepositTerms.errand
    var from: String
    var salt: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, channel, errand, from, salt
        case validBefore = "valid_before"
    }

    init(id: String, amount: Int64, _ channel: PaymentChannel, validBefore: Int64) {
        self.amount = amount
        chain = Int64(clamping: channel.chainID)
        self.channel = StoredChannel(channel)
        from = channel.config.payer.lowercase
        // The same payment signed twice is the same authorization.
        salt = Digest(hashing: "infernet/x402/deposit/1\n\(chain)\n\(channel.id.hex)\n\(id)").hex
        self.validBefore = validBefore
    }

    private func authorization() throws -> TransferAuthorization {
        let (config, id) = try channel.made()
        return try ChannelDeposit.authorization(
            config, channel: id, amount: UInt256(spends), validBefore: UInt64(clamping: validBefore),
            salt: try word(salt))
    }

    private func word(_ text: String) throws -> Digest {
        guard let word = Digest(hex: text) else { throw ChainFault(description: "its terms cannot be read") }
        return word
    }
}

extension ChannelDepositTerms: EVMErrand {
    var payee: String { "channel:\(channel.id)" }
    var spends: UInt64 { UInt64(clamping: amount) }
    var gasShare: UInt64 { 3 }
    var provesItself: Bool { false }

    func account(_ rail: String) throws -> String? { nil }
    func contract() throws -> EVMAddress { BatchSettlement.contract }

    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] {
        let signature = try signer.sign(try authorization(), token.domain)
        return try BatchSettlement.depositCall(
            try channel.made().config,
            ChannelDeposit(
                amount: UInt256(spends), validBefore: UInt64(clamping: validBefore), salt: try word(salt),
                signature: signature))
    }

    func matches(_ call: [UInt8]) throws -> Bool {
        let arguments = try BatchSettlement.deposit.arguments(of: call)
        guard case .bytes(let collected)? = arguments.last else { return false }
        let signed = try ABI.decode(collected, as: [.uint(256), .uint(256), .fixedBytes(32), .bytes])
        guard case .bytes(let bytes)? = signed.last, let signature = EVMSignature(bytes: bytes) else {
            return false
        }
        let due = try BatchSettlement.depositCall(
            try channel.made().config,
            ChannelDeposit(
                amount: UInt256(spends), validBefore: UInt64(clamping: validBefore), salt: try word(salt),
                signature: signature))
        return due == call
    }

    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        let (config, id) = try channel.made()
        guard try await client.name(of: config) == id else {
            throw ChainTrouble.contradiction(
                "the contract at \(BatchSettlement.contract) is not x402's batch settlement; nothing is signed"
            )
        }
        return try await client.hasUsed(try authorization(), token, place)
    }

    func carriers(_ client: ChainClient, _ token: EVMToken, in blocks: ClosedRange<UInt64>) async throws
        -> [[UInt8]]
    {
        try await client.carriers(of: try authorization(), token, in: blocks)
    }

    func pays(_ receipt: ChainReceipt, _ token: EVMToken) throws -> Bool {
        receipt.pays(try authorization(), token: token.address)
    }
}

extension ChainClient {
    /// What the contract calls a channel.
    func name(of config: ChannelConfig) async throws -> Digest? {
        let said = try await call(
            BatchSettlement.getChannelId, [config.abi], at: BatchSettlement.contract, .latest)
        guard case .bytes(let bytes)? = said.first else { return nil }
        return Digest(bytes: bytes)
    }

    /// What a channel holds and what was claimed of it, over its whole life.
    func channel(_ id: Digest, _ place: Place) async throws -> (balance: UInt256, claimed: UInt256) {
        let said = try await call(
            BatchSettlement.channels, [.bytes(id.bytes)], at: BatchSettlement.contract, place)
        guard said.count == 2, case .uint(let balance) = said[0], case .uint(let claimed) = said[1] else {
            throw ChainTrouble.unreadable("channels")
        }
        return (balance, claimed)
    }

    /// Since when the payer wants its money back; zero when it does not.
    func withdrawal(_ id: Digest, _ place: Place) async throws -> UInt64 {
        let said = try await call(
            BatchSettlement.pendingWithdrawals, [.bytes(id.bytes)], at: BatchSettlement.contract, place)
        guard said.count == 2, case .uint(let since) = said[1], let since = since.exactUInt64 else {
            throw ChainTrouble.unreadable("pendingWithdrawals")
        }
        return since
    }
}
