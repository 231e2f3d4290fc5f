// The channels' book while an answer comes: the next piece of a job covered, by a voucher that this node signs, or takes.
// It must never cover more than the quote says that so many tokens cost, nor anything that is over.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

extension Ledger {
    /// What a payer is to cover.
    struct TopUp: Sendable {
        var job: JobID
        var channel: PaymentChannel
        /// Up to which token of the answer.
        var tokens: Int
        /// What the provider says must be covered besides.
        var stated: Int64
        var atRisk: Int64
    }

    /// Covers a job up to a token, and gives the voucher that does, signing one where the last does not.
    ///
    /// - Parameter sign: called in the transaction, so that what leaves is what is stored.
    func cover(
        _ topUp: TopUp, at: Int64, sign: @escaping @Sendable (Voucher) throws -> EVMSignature
    ) async throws -> SignedVoucher {
        try await writing { writer in
            let (db, channel) = (writer.db, topUp.channel)
            let (pledge, _, amount) = try Self.next(topUp.job, channel.id, topUp.tokens, db)
            var book = try Self.book(channel.id, at: at, db)
            let deposited =
                try Self.balance(channel.account, channel.asset, db) + book.open + book.charged
            book.leave(out: pledge)
            // What was covered before stays so: asked again, it is the same.
            let target = max(amount, pledge.covered)
            let ceiling = try book.promise(
                target, of: pledge.amount, stated: topUp.stated, deposited: deposited, atRisk: topUp.atRisk)
            if ceiling > book.highest {
                let voucher = Voucher(channel: channel.id, ceiling: UInt256(UInt64(clamping: ceiling)))
                try Self.keep(voucher, try sign(voucher), at: at, writer)
            }
            if target > pledge.covered {
                try Self.note(topUp.job, channel.id, target, ceiling: ceiling, at: at, writer)
            }
            guard let highest = try Self.highest(channel.id, db) else {
                throw WireError(.corrupt, "The ledger has lost a voucher.")
            }
            return highest
        }
    }

    /// Takes a voucher for the next piece of a client's answer. Again is the same.
    ///
    /// - Parameter balance: what the chain says that the channel holds.
    func take(
        _ signed: SignedVoucher, for job: JobID, upTo tokens: Int, on channel: PaymentChannel, balance: Int64,
        at: Int64
    ) async throws {
        try await writing { writer in
            let db = writer.db
            let (pledge, quote, amount) = try Self.next(job, channel.id, tokens, db)
            guard amount > pledge.covered else { return }
            // Each is a write to this node's disk, and costs its client nothing.
            let step = Int64(tokens) - quote.tokens(for: pledge.covered)
            guard tokens == quote.terms.maxTokens || step >= Int64(quote.firstTokens / 2) else {
                throw WireError(
                    .policyRefused,
                    "A voucher pays for \(quote.firstTokens / 2) more tokens at least, not for \(step).")
            }
            guard let ceiling = signed.voucher.ceiling.exactInt64, ceiling <= Deed.largestAmount else {
                throw WireError(.paymentRequired, "The voucher's ceiling is beyond all bounds.")
            }
            var book = try Self.book(channel.id, at: at, db)
            book.leave(out: pledge)
            if try book.acceptNext(ceiling, for: amount, balance: balance) {
                try Self.keep(signed.voucher, signed.signature, at: at, writer)
            }
            try Self.note(job, channel.id, amount, ceiling: max(ceiling, book.highest), at: at, writer)
        }
    }

    /// The channel on which a job was promised; nil for one that is paid in another way, or was promised nothing.
    func channel(
        of job: JobID, with peer: PublicKey, _ side: PaymentChannel.Side
    ) async throws -> PaymentChannel? {
        try await reading { db in
            try Self.promised(job, by: peer, side, db).flatMap { try Self.channel($0.id, db) }
        }
    }

    /// What so many tokens of a job under way cost with its prompt, and what must be covered besides, so that its client's next
    /// voucher will be taken.
    func needs(
        _ job: JobID, upTo tokens: Int, on channel: Digest, at: Int64
    ) async throws -> (amount: Int64, besides: Int64) {
        try await reading { db in
            let (pledge, _, amount) = try Self.next(job, channel, tokens, db)
            var book = try Self.book(channel, at: at, db)
            book.leave(out: pledge)
            return (amount, book.due(besides: amount))
        }
    }

    /// The promise for a job that is under way, and what its quote says that so many tokens cost.
    private static func next(
        _ job: JobID, _ channel: Digest, _ tokens: Int, _ db: Database
    ) throws -> (pledge: Pledge, quote: Quote, amount: Int64) {
        guard let pledge = try pledge(job, channel, db), !pledge.isOver else {
            throw WireError(.policyRefused, "\(job) is over, or was never promised: nothing more is covered.")
        }
        guard let quote = try pledge.quote.flatMap({ Quote(unproven: try event($0, db)) }) else {
            throw WireError(.policyRefused, "\(job) was promised without a quote, and so as a whole.")
        }
        guard (1...quote.terms.maxTokens).contains(tokens) else {
            throw WireError(
                .policyRefused, "\(job) was promised for \(quote.terms.maxTokens) tokens, not for \(tokens).")
        }
        return (pledge, quote, quote.amount(tokens: tokens))
    }

    private static func note(
        _ job: JobID, _ channel: Digest, _ amount: Int64, ceiling: Int64, at: Int64, _ writer: LedgerWriter
    ) throws {
        try writer.insert(
            "covered",
            [
                "channel": Data(channel.bytes), "job": job.text, "amount": amount, "ceiling": ceiling,
                "at": at,
            ])
    }
}
