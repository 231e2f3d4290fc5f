// What the channels' book holds, read.
// It must never write.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

extension Ledger {
    /// All channels, newest first, with their numbers and what is in their account.
    func channels(at: Int64) async throws -> [(channel: PaymentChannel, book: ChannelBook, balance: Int64)] {
        try await reading { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM channel WHERE length(config) > 0 ORDER BY at DESC, id"
            ).map { row in
                let channel = try Self.channel(row)
                return (
                    channel, try Self.book(channel.id, at: at, db),
                    try Self.balance(channel.account, channel.asset, db)
                )
            }
        }
    }

    /// A channel's numbers as of a time; Unix milliseconds.
    func book(of channel: Digest, at: Int64) async throws -> ChannelBook {
        try await reading { db in try Self.book(channel, at: at, db) }
    }

    /// What is due from a channel of this node's as the payee, and since when; nil when nothing is, or it is claimed.
    func claimable(
        _ channel: PaymentChannel
    ) async throws -> (due: Int64, total: Int64, oldest: Int64, voucher: SignedVoucher, tries: Int)? {
        try await reading { db in
            let due = try Self.balance(channel.account, channel.asset, db)
            guard due > 0, let voucher = try Self.highest(channel.id, db) else { return nil }
            let party = "\(channel.rail):claim:\(channel.id.hex)"
            guard try !Self.isUnderWay(party, db) else { return nil }
            let total = try Self.charged(channel.id, db)
            let oldest = try Int64.fetchOne(
                db, sql: "SELECT min(at) FROM charge WHERE channel = ? AND amount > 0 AND total > ?",
                arguments: [Data(channel.id.bytes), total - due])
            let tries = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM payment WHERE party = ?", arguments: [party])
            return (due, total, oldest ?? channel.at, voucher, tries ?? 0)
        }
    }

    /// A channel by its id.
    func channel(_ id: Digest) async throws -> PaymentChannel? {
        try await reading { db in try Self.channel(id, db) }
    }

    static func channel(_ id: Digest, _ db: Database) throws -> PaymentChannel? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM channel WHERE id = ? AND length(config) > 0"),
            arguments: [Data(id.bytes)]
        ).map(channel)
    }

    static func channel(_ row: Row) throws -> PaymentChannel {
        guard let id = Digest(bytes: Array(row["id"] as Data)),
            let side = PaymentChannel.Side(rawValue: row["side"]), let peer = PublicKey(hex: row["peer"]),
            let config = try? ChannelConfig(X402Value(Array(row["config"] as Data)))
        else { throw WireError(.corrupt, "A channel in the ledger cannot be read.") }
        return PaymentChannel(
            id: id, side: side, peer: peer, rail: row["rail"], asset: Asset(rawValue: row["asset"]),
            config: config, at: row["at"])
    }

    static func book(_ channel: Digest, at: Int64, _ db: Database) throws -> ChannelBook {
        let open = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(covered), 0) AS covered FROM exposure
                    WHERE channel = ? AND at > ? AND is_over = 0
                    """), arguments: [Data(channel.bytes), at - 172_800_000])
        return ChannelBook(
            charged: try charged(channel, db), open: open?["amount"] ?? 0, covered: open?["covered"] ?? 0,
            highest: try highest(channel, db)?.voucher.ceiling.exactInt64 ?? 0)
    }

    static func charged(_ channel: Digest, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT coalesce(max(total), 0) FROM charge WHERE channel = ?"),
            arguments: [Data(channel.bytes)]) ?? 0
    }

    /// The voucher that stands.
    static func highest(_ channel: Digest, _ db: Database) throws -> SignedVoucher? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT * FROM voucher WHERE channel = ? ORDER BY ceiling DESC LIMIT 1"),
            arguments: [Data(channel.bytes)]
        ).map { try voucher($0) }
    }

    static func voucher(_ row: Row) throws -> SignedVoucher {
        guard let channel = Digest(bytes: Array(row["channel"] as Data)),
            let signature = EVMSignature(bytes: Array(row["signature"] as Data))
        else { throw WireError(.corrupt, "A voucher in the ledger cannot be read.") }
        return SignedVoucher(
            voucher: Voucher(
                channel: channel, ceiling: UInt256(UInt64(clamping: row["ceiling"] as Int64))),
            signature: signature)
    }

    /// A promise for one job: what it may cost at most, and how much of that is covered so far.
    struct Pledge {
        var amount: Int64
        var covered: Int64
        var isOver: Bool
        var quote: String?
    }

    static func pledge(_ job: JobID, _ channel: Digest, _ db: Database) throws -> Pledge? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT amount, covered, is_over, quote FROM exposure WHERE channel = ? AND job = ?"),
            arguments: [Data(channel.bytes), job.text]
        ).map {
            Pledge(
                amount: $0["amount"], covered: $0["covered"], isOver: $0["is_over"], quote: $0["quote"])
        }
    }

    /// The purse out of which a job was promised.
    static func promised(
        _ job: JobID, by peer: PublicKey, _ side: PaymentChannel.Side, _ db: Database
    ) throws -> Purse? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT channel.* FROM pledge JOIN channel ON channel.id = pledge.channel
                    WHERE pledge.job = ? AND channel.peer = ? AND channel.side = ?
                    """), arguments: [job.text, peer.hex, side.rawValue]
        ).map { try Purse($0) }
    }

    /// What this node has promised today and not paid.
    static func promised(_ asset: Asset, to peer: PublicKey?, at: Int64, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT coalesce(sum(pledge.amount), 0) FROM channel JOIN pledge ON pledge.channel = channel.id
                    WHERE channel.side = 'payer' AND channel.asset = ? AND channel.peer = coalesce(?, channel.peer)
                        AND pledge.at > ? AND NOT EXISTS (SELECT 1 FROM charge
                            WHERE charge.channel = pledge.channel AND charge.job = pledge.job)
                    """), arguments: [asset.rawValue, peer?.hex, at - 172_800_000]) ?? 0
    }

    /// Promises that no receipt can end any more.
    static func stale(_ rail: String, at: Int64, _ db: Database) throws -> [(JobID, Purse)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT channel.*, pledge.job FROM pledge JOIN channel ON channel.id = pledge.channel
                WHERE channel.rail = ? AND pledge.at < (CASE side WHEN 'payer' THEN ? ELSE ? END)
                    AND NOT EXISTS (SELECT 1 FROM charge
                        WHERE charge.channel = pledge.channel AND charge.job = pledge.job)
                    AND NOT EXISTS (SELECT 1 FROM due
                        WHERE due.channel = pledge.channel AND due.job = pledge.job)
                """,
            arguments: [rail, at - ChannelBook.payerPatience, at - ChannelBook.payeePatience]
        ).compactMap { row in
            guard let job = JobID(row["job"]) else { return nil }
            return (job, try Purse(row))
        }
    }
}
