// A payer's wait for what it asked its payee to give back: the money is out of reach of jobs until the final block shows what
// came, or until it was waited for long enough. It must never count as back what the contract still holds.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

struct ChannelReturnTerms: Codable, Hashable, Sendable {
    static let errand = "channel-return"

    var amount: Int64
    var chain: Int64
    var channel: StoredChannel
    /// What the contract holds of the channel by this node's books, over its whole life; less is what came back.
    var deposited: Int64
    var errand = ChannelReturnTerms.errand
    var from: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, channel, deposited, errand, from
        case validBefore = "valid_before"
    }

    init(amount: Int64, deposited: Int64, _ channel: PaymentChannel, validBefore: Int64) {
        self.amount = amount
        self.deposited = deposited
        chain = Int64(clamping: channel.chainID)
        self.channel = StoredChannel(channel)
        from = channel.config.payer.lowercase
        self.validBefore = validBefore
    }

    static func party(_ channel: PaymentChannel) -> String { "\(channel.rail):back:\(channel.id.hex)" }
}

extension ChannelReturnTerms: EVMErrand {
    var payee: String { "back:\(channel.id)" }
    var spends: UInt64 { 0 }
    var gasShare: UInt64 { 1 }
    var provesItself: Bool { true }
    var isCarriedHere: Bool { false }
    var awaits: String { "the provider to give it back, or the end of waiting for it" }
    var expiry: String { "the provider did not give it back in time" }

    func account(_ rail: String) throws -> String? { "paid:\(rail):channel:\(channel.id)" }
    func contract() throws -> EVMAddress { BatchSettlement.contract }
    /// Nothing is carried from here, so that no letter is right.
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] {
        throw ChainFault(description: "what a payee gives back is not carried from here")
    }
    func matches(_ call: [UInt8]) throws -> Bool { false }

    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        try await client.channel(try channel.made().id, place).balance
            < UInt256(UInt64(clamping: deposited))
    }

    /// What came back. All of it where nobody can take anything any more: the rest was claimed beyond the receipts.
    func spent(_ client: ChainClient, _ place: ChainClient.Place) async throws -> Int64? {
        let held = try await client.channel(try channel.made().id, place)
        guard let balance = held.balance.exactInt64 else {
            throw ChainTrouble.unreadable("a channel holds more than any can")
        }
        return held.balance <= held.claimed ? amount : max(0, min(amount, deposited - balance))
    }

    func carriers(_ client: ChainClient, _ token: EVMToken, in blocks: ClosedRange<UInt64>) async throws
        -> [[UInt8]]
    {
        []
    }

    func pays(_ receipt: ChainReceipt, _ token: EVMToken) throws -> Bool { false }
}

extension Ledger {
    /// Sets all that is left in a channel aside until its payee gives it back; while it is waited for, it is that wait.
    ///
    /// - Returns: and what was charged by the receipts.
    func askBack(
        _ channel: PaymentChannel, validBefore: Int64, at: Int64
    ) async throws -> (payment: OutgoingPayment, charged: Int64) {
        try await writing { writer in
            let db = writer.db
            let book = try Self.book(channel.id, at: at, db)
            if let open = try Self.openReturn(channel, db) { return (open, book.charged) }
            guard try !Self.isUnderWay("\(channel.rail):\(channel.payee)", db) else {
                throw WireError(
                    .conflict, "Money is on its way into the channel.",
                    fix: "Wait for its end: 'infernetctl wallet payments'.")
            }
            let asked = ChannelLeaveTerms.payee(ChannelLeaveTerms.asking, channel.id.hex)
            guard try !Self.isUnderWay("\(channel.rail):\(asked)", db),
                try Self.balance("paid:\(channel.rail):\(asked)", channel.asset, db) == 0
            else {
                throw WireError(
                    .conflict, "It was asked for already, and comes after the channel's delay.",
                    fix: "Wait for it: 'infernetctl wallet payments'.")
            }
            let left = try Self.balance(channel.account, channel.asset, db)
            guard left > 0 else {
                throw WireError(.policyRefused, "There is nothing left in the channel to be taken back.")
            }
            let terms = ChannelReturnTerms(
                amount: left, deposited: left + book.open + book.charged, channel, validBefore: validBefore)
            let earlier = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM payment WHERE party = ?",
                arguments: [ChannelReturnTerms.party(channel)])
            let id = "claim/\(ChannelReturnTerms.errand)/\(channel.id.hex)/\((earlier ?? 0) + 1)"
            _ = try Self.ask(
                PaymentDraft(
                    id: id, rail: channel.rail, asset: channel.asset, amount: left, payee: terms.payee,
                    terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0,
                    account: channel.account), at: at, writer)
            // The request leaves with the answer: whether it arrives, nobody here can say.
            try Self.move(id, to: .handed, "the provider is asked for it", at: at, writer)
            return (try Self.requirePayment(id, db), book.charged)
        }
    }

    /// Ends a wait that nobody wants any more; nothing where there is none.
    static func giveUpReturn(_ channel: PaymentChannel, at: Int64, _ writer: LedgerWriter) throws {
        guard let open = try openReturn(channel, writer.db) else { return }
        try end(open.id, .failed, "the channel's delay is waited for instead", at: at, writer)
    }

    private static func openReturn(_ channel: PaymentChannel, _ db: Database) throws -> OutgoingPayment? {
        try String.fetchOne(
            db,
            sql: """
                SELECT id FROM payment WHERE party = ? AND NOT EXISTS (SELECT 1 FROM step
                    WHERE step.payment = payment.id AND step.state IN ('settled', 'failed'))
                """, arguments: [ChannelReturnTerms.party(channel)]
        ).map { try requirePayment($0, db) }
    }
}
