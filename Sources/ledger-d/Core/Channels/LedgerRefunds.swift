// The channels' book, where the payee gives back: what a payer asked for, from the request to what the final block says.
// It must never set a refund up while anything is due, promised or claimed and not yet paid.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

/// What a payer has asked for and does not have yet.
struct ChannelRefund: Sendable {
    var channel: PaymentChannel
    var number: Int
    var amount: Int64
    /// The contract's, which this refund uses up.
    var nonce: Int64
    /// What was tried so far, oldest first.
    var tries: [OutgoingPayment]

    var isUnderWay: Bool { tries.last.map { !$0.state.isOver } ?? false }
    /// Whether anything of it may be carried, now or later.
    var isSigned: Bool { tries.contains { !$0.letters.isEmpty } }
}

extension Ledger {
    /// How long after one refund of a channel another is begun, in milliseconds.
    static let refundPause: Int64 = 86_400_000

    /// Writes down that a payer wants its money back: from now on no job is taken on the channel. Again is the same.
    ///
    /// - Parameters:
    ///   - wanted: how much; all that is left when nil.
    ///   - balance: what the contract holds of the channel, over its whole life; by the final block, like the nonce.
    func take(
        refundOf channel: PaymentChannel, _ wanted: Int64?, balance: Int64, nonce: Int64, at now: Int64
    ) async throws -> ChannelRefund {
        try await writing { writer in
            let db = writer.db
            let known = try Self.channel(channel.id, db)
            if let known, known.side != .payee || known.peer != channel.peer {
                throw WireError(.conflict, "The channel belongs to another node.")
            }
            if let open = try Self.openRefund(channel.id, db) { return open }
            let book = try Self.book(channel.id, at: now, db)
            guard book.open == 0 else {
                throw WireError(
                    .conflict, "A job that is paid from the channel is under way: \(book.open) are promised.",
                    retryAfterMs: 10_000)
            }
            let left = balance - book.charged
            guard left > 0 else {
                throw WireError(
                    .policyRefused,
                    "Nothing is left in the channel: it holds \(balance), and \(book.charged) were charged.")
            }
            guard (wanted ?? left) > 0, (wanted ?? left) <= left else {
                throw WireError(
                    .policyRefused, "\(wanted ?? left) are asked back, and \(left) are left in the channel.")
            }
            if known == nil { try Self.insert(channel, writer) }
            let last = try Row.fetchOne(
                db, sql: "SELECT number, at FROM refund WHERE channel = ? ORDER BY number DESC LIMIT 1",
                arguments: [Data(channel.id.bytes)])
            // Each costs this node a fee, and could be asked for a millionth at a time.
            if let at: Int64 = last?["at"], at > now - Self.refundPause {
                throw WireError(
                    .policyRefused,
                    "This node gives back from one channel once a day, and did so at \(at / 1000).")
            }
            try writer.insert(
                "refund",
                [
                    "channel": Data(channel.id.bytes), "number": (last?["number"] as Int? ?? 0) + 1,
                    "amount": wanted ?? left,
                    "nonce": nonce, "at": now,
                ])
            guard let open = try Self.openRefund(channel.id, db) else {
                throw WireError(.corrupt, "The ledger has lost a refund.")
            }
            return open
        }
    }

    /// Refunds of a rail that payers wait for.
    func openRefunds(_ rail: String) async throws -> [ChannelRefund] {
        try await reading { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT refund.channel FROM refund JOIN channel ON channel.id = refund.channel
                    WHERE channel.rail = ? AND NOT EXISTS (SELECT 1 FROM refund_end
                        WHERE refund_end.channel = refund.channel AND refund_end.number = refund.number)
                    ORDER BY refund.at, refund.channel
                    """, arguments: [rail]
            ).compactMap { row in
                try Digest(bytes: Array(row["channel"] as Data)).flatMap { try Self.openRefund($0, db) }
            }
        }
    }

    /// How many refunds of a channel have ended; refuses where one is under way.
    ///
    /// - Throws: `.paymentRequired`.
    func requireOpen(_ channel: Digest) async throws -> Int {
        try await reading { db in try Self.requireOpen(channel, db) }
    }

    static func requireOpen(_ channel: Digest, _ db: Database) throws -> Int {
        guard try openRefund(channel, db) == nil else {
            throw WireError(
                .paymentRequired, "The channel is on its way back to its payer, who asked for it.")
        }
        return try Int.fetchOne(
            db.cachedStatement(sql: "SELECT count(*) FROM refund_end WHERE channel = ?"),
            arguments: [Data(channel.bytes)]) ?? 0
    }

    /// Sets a try up; nothing where the channel is not at rest.
    ///
    /// - Parameter draft: gets the highest voucher and what was charged, and the number of tries before.
    func give(
        _ refund: ChannelRefund, _ amount: Int64, at: Int64,
        _ draft: @escaping @Sendable (_ charged: ClaimedChannel?, _ tries: Int) throws -> PaymentDraft
    ) async throws {
        let channel = refund.channel
        try await writing { writer in
            let db = writer.db
            guard let now = try Self.openRefund(channel.id, db), now.number == refund.number, !now.isUnderWay,
                try Self.isAtRest(channel, at: at, db)
            else { return }
            let charged = try Self.charged(channel.id, db)
            let voucher = try Self.highest(channel.id, db)
            let claimed = charged > 0 ? voucher.map { ClaimedChannel($0, channel, total: charged) } : nil
            guard charged == 0 || claimed != nil else {
                throw WireError(.corrupt, "The ledger has lost a voucher.")
            }
            let draft = try draft(claimed, now.tries.count)
            // It is the payer's own, and passes through. What an earlier try left behind passes first.
            let account = ChannelRefundTerms.account(channel)
            let held = try Self.balance(account, draft.asset, db)
            if held < amount {
                _ = try Self.perform(
                    .deposit(amount - held, draft.asset, from: "\(draft.party):of", into: account),
                    id: "refund/\(channel.id.hex)/\(refund.number)/\(now.tries.count + 1)", at: at, writer)
            }
            _ = try Self.ask(draft, at: at, writer)
        }
    }

    /// The end of a refund.
    func end(_ refund: ChannelRefund, given: Bool, at: Int64) async throws {
        try await writing { writer in
            guard let open = try Self.openRefund(refund.channel.id, writer.db), open.number == refund.number
            else { return }
            try writer.insert(
                "refund_end",
                [
                    "channel": Data(refund.channel.id.bytes), "number": refund.number,
                    "given": given ? 1 : 0, "at": at,
                ])
        }
    }

    /// Whether nothing is due, promised, or claimed and not yet paid out.
    private static func isAtRest(_ channel: PaymentChannel, at: Int64, _ db: Database) throws -> Bool {
        try balance(channel.account, channel.asset, db) == 0 && book(channel.id, at: at, db).open == 0
            && !isUnderWay("\(channel.rail):claim:\(channel.id.hex)", db)
    }

    private static func openRefund(_ id: Digest, _ db: Database) throws -> ChannelRefund? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT * FROM refund WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM refund_end
                        WHERE refund_end.channel = refund.channel AND refund_end.number = refund.number)
                    """), arguments: [Data(id.bytes)])
        guard let row, let channel = try channel(id, db) else { return nil }
        let prefix = ChannelRefundTerms.id(channel, row["number"], "")
        let tries = try String.fetchAll(
            db, sql: "SELECT id FROM payment WHERE party = ? ORDER BY at, id",
            arguments: [ChannelRefundTerms.party(channel)]
        ).filter { $0.hasPrefix(prefix) }
        return ChannelRefund(
            channel: channel, number: row["number"], amount: row["amount"], nonce: row["nonce"],
            tries: try tries.map { try requirePayment($0, db) })
    }
}
