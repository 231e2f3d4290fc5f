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
        /// Of aggregator-d.
        var process: Digest?
    }

    /// Sets a job's money aside and gives a voucher that covers it, signing one where the last does not.
    ///
    /// - Parameter sign: called in the transaction, so that what leaves is what is stored.
    func promise(
        _ promise: Promise, at: Int64, sign: @escaping @Sendable (Voucher) throws -> EVMSignature
    ) async throws -> SignedVoucher {
        try await writing { writer in
            let (db, channel) = (writer.db, promise.channel)
            guard try Self.channel(channel.id, db) != nil else {
                throw WireError(
                    .paymentRequired,
                    "This node has no channel with the provider \(channel.peer.hex.prefix(16)).",
                    fix: "Open one: 'infernetctl wallet channel'.")
            }
            let earlier = try Self.pledge(promise.job, channel.id, db)
            if let earlier, earlier.amount != promise.amount || earlier.isOver {
                throw WireError(.conflict, "\(promise.job) was promised before, on other terms.")
            }
            var book = try Self.book(channel.id, at: at, db)
            let deposited =
                try Self.balance(channel.account, channel.asset, db) + book.open + book.charged
            // Asked again, after the provider refused what covered less: its own promise counts once.
            if let earlier { book.open -= min(earlier.amount, book.open) }
            let ceiling = try book.promise(
                promise.amount, stated: promise.stated, deposited: deposited, atRisk: promise.atRisk)
            if earlier == nil {
                // Whatever is refused is refused before the first write.
                try promise.limit.check(
                    price: promise.amount,
                    spentToday: try Self.spent(channel.asset, onDayOf: at, db)
                        + (try Self.promised(channel.asset, to: nil, at: at, db)),
                    spentOnPeer: try Self.spent(
                        channel.asset, onDayOf: at, account: "spend:\(channel.peer.hex)", db)
                        + (try Self.promised(channel.asset, to: channel.peer, at: at, db)))
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
                try Self.pledge(promise.job, channel.id, promise.amount, promise.process, at: at, writer)
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
    static func take(_ cover: Cover, for job: JobID, at: Int64, _ writer: LedgerWriter) throws {
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
        let isNew = try book.accept(ceiling, for: cover.amount, balance: cover.balance)
        if known == nil { try insert(channel, writer) }
        if isNew {
            try keep(cover.signed.voucher, cover.signed.signature, at: at, writer)
        }
        try pledge(job, channel.id, cover.amount, cover.process, at: at, writer)
    }

    /// The channel that a receipt charges: the provider's when it is signed, the client's when it is accepted; nil for one
    /// in test credits, and where it was charged before.
    ///
    /// - Throws: when it was not promised, or not so much.
    static func charged(
        _ operation: Operation, _ body: ReceiptBody, _ db: Database
    ) throws -> PaymentChannel? {
        let side: PaymentChannel.Side
        switch operation.kind {
        case .issue: side = .payee
        case .spend: side = .payer
        case .earn, .own: return nil
        }
        guard body.unitPrice.asset != .testCredit, operation.client != operation.provider else { return nil }
        let peer = side == .payee ? operation.client : operation.provider
        guard let channel = try promised(operation.job, by: peer, side, db),
            let pledge = try pledge(operation.job, channel.id, db)
        else {
            throw WireError(.policyRefused, "No voucher was promised for \(operation.job).")
        }
        guard channel.asset == body.unitPrice.asset, !pledge.isOver, body.price <= pledge.amount else {
            throw WireError(
                .policyRefused,
                "\(operation.job) costs \(body.price) by its receipt; \(pledge.isOver ? 0 : pledge.amount) were promised."
            )
        }
        return channel
    }

    /// Charges a channel what a receipt says.
    static func charge(
        _ channel: PaymentChannel, _ operation: Operation, _ body: ReceiptBody, at: Int64,
        _ writer: LedgerWriter
    ) throws {
        switch channel.side {
        case .payee where body.price > 0:
            _ = try perform(
                .deposit(body.price, channel.asset, from: operation.chargedTo, into: channel.account),
                id: "charge/\(operation.client.hex)/\(operation.job)", at: at, writer)
        case .payee: break
        case .payer:
            _ = try perform(
                .post(
                    channel.reservation(operation.job), body.price, channel.asset, to: operation.spentBy,
                    of: channel.account), id: "spent/\(operation.job)/\(operation.provider.hex)", at: at,
                writer)
        }
        try close(operation.job, channel.id, body.price, at: at, writer)
    }

    /// Gives back what was promised for a job that got no receipt. Again is the same; what is charged stays so.
    func release(_ job: JobID, peer: PublicKey, _ side: PaymentChannel.Side, at: Int64) async throws {
        try await writing { writer in
            guard let channel = try Self.promised(job, by: peer, side, writer.db) else { return }
            try Self.release(job, channel, at: at, writer)
        }
    }

    /// Gives back all that was promised too long ago for a receipt to come.
    func releaseStale(_ rail: String, at: Int64) async throws {
        let stale = try await reading { db in try Self.stale(rail, at: at, db) }
        for (job, channel) in stale {
            try await writing { writer in try Self.release(job, channel, at: at, writer) }
        }
    }

    static func release(
        _ job: JobID, _ channel: PaymentChannel, at: Int64, _ writer: LedgerWriter
    ) throws {
        guard let pledge = try pledge(job, channel.id, writer.db), !pledge.isOver else { return }
        if channel.side == .payer {
            _ = try perform(
                .void(channel.reservation(job), channel.asset, of: channel.account),
                id: "back/\(job)/\(channel.peer.hex)", at: at, writer)
        }
        try close(job, channel.id, 0, at: at, writer)
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

    private static func keep(
        _ voucher: Voucher, _ signature: EVMSignature, at: Int64, _ writer: LedgerWriter
    ) throws {
        try writer.insert(
            "voucher",
            [
                "channel": Data(voucher.channel.bytes), "ceiling": voucher.ceiling.exactInt64,
                "signature": Data(signature.bytes), "at": at,
            ])
    }

    private static func pledge(
        _ job: JobID, _ channel: Digest, _ amount: Int64, _ process: Digest?, at: Int64,
        _ writer: LedgerWriter
    ) throws {
        try writer.insert(
            "pledge",
            [
                "channel": Data(channel.bytes), "job": job.text, "amount": amount, "at": at,
                "process": process.map { Data($0.bytes) },
            ])
    }

    private static func close(
        _ job: JobID, _ channel: Digest, _ amount: Int64, at: Int64, _ writer: LedgerWriter
    ) throws {
        let charged = try charged(channel, writer.db)
        try writer.insert(
            "charge",
            [
                "channel": Data(channel.bytes), "job": job.text, "amount": amount, "total": charged + amount,
                "at": at,
            ])
    }
}
