// How a payer gets back what is left in a channel: it asks, waits for the channel's delay, and takes it. Two errands, the
// second made when the first is final and the time has come. It must never count as here what the contract has not paid.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

/// Asking for money back (`initiateWithdraw`), or taking it (`finalizeWithdraw`).
struct ChannelLeaveTerms: Codable, Hashable, Sendable {
    static let asking = "channel-leave"
    static let taking = "channel-withdraw"

    var amount: Int64
    var chain: Int64
    var channel: StoredChannel
    var errand: String
    var from: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, channel, errand, from
        case validBefore = "valid_before"
    }

    init(_ errand: String, amount: Int64, _ channel: PaymentChannel, validBefore: Int64) {
        self.errand = errand
        self.amount = amount
        chain = Int64(clamping: channel.chainID)
        self.channel = StoredChannel(channel)
        from = channel.config.payer.lowercase
        self.validBefore = validBefore
    }

    /// To whom the books say that it goes: first out of reach of jobs, then out of the channel.
    static func payee(_ errand: String, _ channel: String) -> String {
        errand == asking ? "leaving:channel:\(channel)" : "withdraw:\(channel)"
    }
}

extension ChannelLeaveTerms: EVMErrand {
    var payee: String { Self.payee(errand, channel.id) }
    var spends: UInt64 { 0 }
    var gasShare: UInt64 { 3 }
    var provesItself: Bool { true }

    func account(_ rail: String) throws -> String? {
        errand == Self.asking
            ? "paid:\(rail):channel:\(channel.id)"
            : "paid:\(rail):\(Self.payee(Self.asking, channel.id))"
    }

    func contract() throws -> EVMAddress { BatchSettlement.contract }
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] { try call() }
    func matches(_ call: [UInt8]) throws -> Bool { try self.call() == call }

    private func call() throws -> [UInt8] {
        let config = try channel.made().config
        return errand == Self.asking
            ? try BatchSettlement.initiateWithdrawCall(config, UInt256(UInt64(clamping: amount)))
            : try BatchSettlement.finalizeWithdrawCall(config)
    }

    /// Asked for when the contract has a request; taken when it has none any more, which it had before this errand was.
    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        let since = try await client.withdrawal(try channel.made().id, place)
        return errand == Self.asking ? since > 0 : since == 0
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

extension EVMRail {
    /// Asks for all that is left in a channel. From now on no job is paid from it.
    nonisolated func leave(_ channel: PaymentChannel, at now: Int64) async throws -> OutgoingPayment {
        try await errand(ChannelLeaveTerms.asking, channel, at: now)
    }

    /// Takes what was asked for and whose time has come.
    func takeBack(_ final: (number: UInt64, time: UInt64)) async throws {
        for (channel, _, _) in try await ledger.channels(at: now)
        where channel.side == .payer && channel.rail == chain.rail {
            let left = try await ledger.balance(
                of: "paid:\(chain.rail):\(ChannelLeaveTerms.payee(ChannelLeaveTerms.asking, channel.id.hex))",
                channel.asset)
            guard left > 0 else { continue }
            let since = try await client.withdrawal(channel.id, .number(final.number))
            if since == 0 {
                // The payee has given it back before; or given back less, which undoes the request all the same.
                let held = try await client.channel(channel.id, .number(final.number))
                if held.balance > held.claimed { try await ledger.undoLeaving(channel, left, at: now) }
                guard held.balance <= held.claimed else { continue }
            } else if final.time < since + UInt64(clamping: channel.config.withdrawDelay) {
                continue
            }
            _ = try await errand(ChannelLeaveTerms.taking, channel, at: now)
        }
    }

    private nonisolated func errand(
        _ errand: String, _ channel: PaymentChannel, at now: Int64
    ) async throws -> OutgoingPayment {
        let (chain, until) = (chain, now / 1000 + chain.validSeconds)
        return try await ledger.ask(
            errand, from: channel, at: now
        ) { id, amount in
            let terms = ChannelLeaveTerms(errand, amount: amount, channel, validBefore: until)
            return Ledger.PaymentDraft(
                id: id, rail: chain.rail, asset: channel.asset, amount: amount, payee: terms.payee,
                terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0,
                account: try terms.account(chain.rail))
        }
    }
}

extension Ledger {
    /// Puts what was asked for back where it was: the contract knows of no request any more, and holds it still.
    func undoLeaving(_ channel: PaymentChannel, _ amount: Int64, at: Int64) async throws {
        let asked = ChannelLeaveTerms.payee(ChannelLeaveTerms.asking, channel.id.hex)
        let (leaving, party) = ("paid:\(channel.rail):\(asked)", "\(channel.rail):\(asked):undone")
        try await writing { writer in
            guard try !Self.isUnderWay("\(channel.rail):withdraw:\(channel.id.hex)", writer.db) else {
                return
            }
            let number = try Int.fetchOne(
                writer.db, sql: "SELECT count(*) FROM payment WHERE party = ?",
                arguments: ["\(channel.rail):\(asked)"])
            let id = "\(channel.id.hex)/\(number ?? 0)"
            _ = try Self.perform(
                .withdraw(amount, channel.asset, to: party, of: leaving), id: "undone/\(id)", at: at, writer)
            _ = try Self.perform(
                .deposit(amount, channel.asset, from: party, into: channel.account), id: "again/\(id)",
                at: at,
                writer)
        }
    }

    /// An errand with all that its account holds; while an earlier one of its kind is under way it is that one.
    func ask(
        _ errand: String, from channel: PaymentChannel, at: Int64,
        _ draft: @escaping @Sendable (_ id: String, _ amount: Int64) throws -> PaymentDraft
    ) async throws -> OutgoingPayment {
        try await writing { writer in
            let party = "\(channel.rail):\(ChannelLeaveTerms.payee(errand, channel.id.hex))"
            let earlier = try String.fetchAll(
                writer.db, sql: "SELECT id FROM payment WHERE party = ? ORDER BY at, id", arguments: [party])
            if let last = try earlier.last.map({ try Self.requirePayment($0, writer.db) }),
                !last.state.isOver
            {
                return last
            }
            if errand == ChannelLeaveTerms.asking { try Self.giveUpReturn(channel, at: at, writer) }
            let account = try draft("", 1).account ?? ""
            let left = try Self.balance(account, channel.asset, writer.db)
            guard left > 0 else {
                throw WireError(.policyRefused, "There is nothing left in the channel to be taken back.")
            }
            let number = String(earlier.count + 1)
            return try Self.ask(
                try draft("claim/\(errand)/\(channel.id.hex)/\(number)", left), at: at, writer)
        }
    }
}
