// The channels' book: vouchers signed and taken, jobs promised, charged, released, each with its money in one
// transaction. It must never sign before what is promised is set aside, nor take a job that no voucher covers.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

extension Ledger {
    /// What a payer promises for one job.
    struct Promise: Sendable {
        var job: JobID
        var channel: PaymentChannel
        var amount: Int64
        /// What the provider says must be covered besides.
        var stated: Int64
        var atRisk: Int64
        var limit: SpendingLimit
        /// The provider's, for this job and amount.
        var quote: KeptQuote
        /// Of aggregator-d.
        var process: Digest?
    }

    /// Sets a job's money aside and gives a voucher that covers it, signing one where the last does not.
    ///
    /// - Parameter sign: called in the transaction, so that what leaves is what is stored.
    func promise(
        _ promise: Promise, at: Int64, sign: @escaping @Sendable (Voucher) throws -> EVMSignature
    ) async throws -> SignedVoucher {
        // Who asked may be dead by now, and another process have said so.
        try Task.checkCancellation()
        return try await writing { writer in
            let (db, channel) = (writer.db, promise.channel)
            guard try Self.channel(channel.id, db) != nil else {
                throw WireError(
                    .paymentRequired,
                    "This node has no channel with the provider \(channel.peer.hex.prefix(16)).",
                    fix: "Open one: 'infernetctl wallet channel'.")
            }
            let earlier = try Self.pledge(promise.job, channel.id, db)
            if let earlier,
                earlier.amount != promise.amount || earlier.isOver || earlier.quote != promise.quote.event.id
            {
                throw WireError(.conflict, "\(promise.job) was promised before, on other terms.")
            }
            if earlier == nil { try Self.requireCurrent(promise.quote, at: at) }
            var book = try Self.book(channel.id, at: at, db)
            let deposited =
                try Self.balance(channel.account, channel.asset, db) + book.open + book.charged
            // Asked again, after the provider refused what covered less: its own promise counts once.
            if let earlier { book.leave(out: earlier) }
            let ceiling = try book.promise(
                promise.quote.quote.first, of: promise.amount, stated: promise.stated, deposited: deposited,
                atRisk: promise.atRisk)
            if earlier == nil {
                try Self.check(
                    promise.limit, promise.amount, channel.asset, to: channel.peer, at: at, db)
                _ = try Self.perform(
                    .reserve(
                        promise.amount, channel.asset, for: "job:\(promise.job)/\(channel.peer.hex)",
                        of: channel.account), id: channel.reservation(promise.job), at: at, writer)
            }
            if ceiling > book.highest {
                let voucher = Voucher(channel: channel.id, ceiling: UInt256(UInt64(clamping: ceiling)))
                try Self.keep(voucher, try sign(voucher), at: at, writer)
            }
            if earlier == nil {
                try writer.store(promise.quote.event)
                try Self.pledge(
                    promise.job, channel.id, promise.amount, first: promise.quote.quote.first,
                    promise.process,
                    promise.quote, at: at, writer)
            }
            guard let highest = try Self.highest(channel.id, db) else {
                throw WireError(.corrupt, "The ledger has lost a voucher.")
            }
            return highest
        }
    }

    /// What comes with a stranger's job.
    struct Cover: Sendable {
        var channel: PaymentChannel
        var signed: SignedVoucher
        /// The most that the job may cost.
        var amount: Int64
        /// What the chain says that the channel holds.
        var balance: Int64
        /// How many refunds of the channel had ended when the chain was asked.
        var refunds = 0
        /// Of aggregator-d.
        var process: Digest?
    }

    /// Takes a voucher, and the promise for one job with it.
    static func take(
        _ cover: Cover, for job: JobID, _ quote: KeptQuote?, at: Int64, _ writer: LedgerWriter
    ) throws {
        let (db, channel) = (writer.db, cover.channel)
        let known = try self.channel(channel.id, db)
        if let known, known.side != .payee || known.peer != channel.peer {
            throw WireError(.conflict, "The channel belongs to another node.")
        }
        guard try requireOpen(channel.id, db) == cover.refunds else {
            // What the chain said is from before it gave the rest back.
            throw WireError(.unavailable, "The channel's balance is looked up again.", retryAfterMs: 1_000)
        }
        let book = try book(channel.id, at: at, db)
        guard let ceiling = cover.signed.voucher.ceiling.exactInt64, ceiling <= Deed.largestAmount else {
            throw WireError(.paymentRequired, "The voucher's ceiling is beyond all bounds.")
        }
        let first = quote?.quote.first ?? cover.amount
        let isNew = try book.accept(ceiling, for: first, balance: cover.balance)
        if known == nil { try insert(channel, writer) }
        if isNew {
            try keep(cover.signed.voucher, cover.signed.signature, at: at, writer)
        }
        try pledge(job, channel.id, cover.amount, first: first, cover.process, quote, at: at, writer)
    }

    /// Whatever is refused is refused before the first write.
    static func check(
        _ limit: SpendingLimit, _ amount: Int64, _ asset: Asset, to peer: PublicKey, at: Int64, _ db: Database
    ) throws {
        try limit.check(
            price: amount,
            spentToday: try spent(asset, onDayOf: at, db) + (try promised(asset, to: nil, at: at, db)),
            spentOnPeer: try spent(asset, onDayOf: at, account: "spend:\(peer.hex)", db)
                + (try promised(asset, to: peer, at: at, db)))
    }

    /// Writes a channel down, once.
    static func insert(_ channel: PaymentChannel, _ writer: LedgerWriter) throws {
        try writer.insert(
            "channel",
            [
                "id": Data(channel.id.bytes), "side": channel.side.rawValue, "peer": channel.peer.hex,
                "rail": channel.rail, "asset": channel.asset.rawValue, "at": channel.at,
                "config": Data(channel.config.value.json),
            ])
    }

    static func keep(
        _ voucher: Voucher, _ signature: EVMSignature, at: Int64, _ writer: LedgerWriter
    ) throws {
        try writer.insert(
            "voucher",
            [
                "channel": Data(voucher.channel.bytes), "ceiling": voucher.ceiling.exactInt64,
                "signature": Data(signature.bytes), "at": at,
            ])
    }
}
