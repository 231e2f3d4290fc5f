// Credit in the books: invoices that buy it, and jobs that draw on it, each with its money in one transaction.
// It must never promise what was not paid, nor book what is paid for credit as this node's own.

import FoundationEssentials
import GRDB
import NodeModel
import Nostr
import Wire

extension Ledger {
    /// An invoice that buys credit, with its provider's word on it.
    struct OfferedCredit: Sendable {
        var purse: Purse
        var offer: CreditOffer
        var event: SignedEvent
    }

    /// How many invoices for credit one client may have open at once.
    static let mostOffersOfOne = 3

    /// Writes down that an invoice of this node's will be a client's credit. It may leave when this has returned.
    ///
    /// - Parameter most: that this node holds of one client's.
    func offer(_ offered: OfferedCredit, invoice: OwnInvoice, most: Int64, at: Int64) async throws {
        try await writing { writer in
            try Self.requireRoom(offered.offer.amount, offered.purse, most: most, writer.db)
            try Self.keep(invoice, writer)
            try Self.keep(offered, at: at, writer)
        }
    }

    /// Refuses an invoice that would not be kept, before the backend makes one.
    func requireRoom(_ amount: Int64, _ purse: Purse, most: Int64) async throws {
        try await reading { db in try Self.requireRoom(amount, purse, most: most, db) }
    }

    static func requireRoom(
        _ amount: Int64, _ purse: Purse, most: Int64, _ db: Database
    ) throws {
        let holds = try holds(purse, db)
        let (held, coming) = (try worth(purse, db), try offered(purse, db) + holds.coming)
        guard amount <= most - held - coming else {
            throw WireError(
                .policyRefused,
                "This node holds at most \(most) msat of one client's; \(held) are there, and \(coming) may come."
            )
        }
        let open = try openOffers(purse, db) + holds.count
        guard open < mostOffersOfOne else {
            throw WireError(
                .tooManyRequests, "\(open) invoices for your credit are open: pay one of them.",
                retryAfterMs: 60_000)
        }
    }

    /// Sets the money for a provider's invoice aside; what it buys is credit when it is settled.
    ///
    /// - Parameters:
    ///   - draft: what is to be paid, by the number of the try.
    ///   - most: of this node's that one provider may hold.
    func buy(
        _ bought: OfferedCredit, most: Int64, at: Int64,
        _ draft: @escaping @Sendable (Int) throws -> PaymentDraft
    ) async throws -> OutgoingPayment {
        try await writing { writer in
            let db = writer.db
            let hash = bought.offer.hash
            let known = try Self.offer(hash, db)
            if let known, known.purse != bought.purse || known.amount != bought.offer.amount {
                throw WireError(.conflict, "This invoice was offered before, for other credit.")
            }
            let earlier = try Self.lastTry(hash, db)
            let purchase = try Self.purchase(hash, db)
            guard purchase.map({ $0.purse == bought.purse && $0.amount == bought.offer.amount }) ?? true,
                bought.offer.isHeld == (purchase != nil)
            else { throw WireError(.conflict, "The offer is not for what this node asked for.") }
            if purchase != nil, earlier?.state == .failed {
                throw WireError(
                    .conflict, "The payment of this purchase came back, and a hash is paid once.",
                    fix: "Begin another: 'infernetctl wallet credit open … --held'.")
            }
            if known == nil, earlier != nil {
                throw WireError(.conflict, "This invoice was paid before, and not for credit.")
            }
            if earlier == nil || earlier?.state == .failed {
                let (held, coming) = (try Self.worth(bought.purse, db), try Self.coming(bought.purse, db))
                guard bought.offer.amount <= most - held - coming else {
                    throw WireError(
                        .policyRefused,
                        "\(bought.offer.amount) msat, with \(held) that this provider holds and \(coming) under way, are "
                            + "more than the ceiling of \(most).",
                        fix: "Raise ledger.credit.max_prepaid if this is what you want.")
                }
            }
            // Whatever is refused is refused before the first write.
            let payment = try Self.ask(hash, at: at, writer, draft)
            if known == nil {
                try Self.keep(bought, at: at, writer)
                if purchase != nil, let stored = try Self.offer(hash, db) {
                    let (id, deed) = stored.deed(hash)
                    _ = try Self.perform(deed, id: id, at: at, writer)
                }
            }
            return payment
        }
    }

    /// The payment of a provider's invoice has settled: its amount is credit.
    static func receiveCredit(_ hash: Digest, at: Int64, _ writer: LedgerWriter) throws {
        try endPurchase(hash, at: at, writer)
        guard let bought = try offer(hash, writer.db), bought.purse.side == .payer,
            try purchase(hash, writer.db) == nil
        else { return }
        let (id, deed) = bought.deed(hash)
        _ = try perform(deed, id: id, at: at, writer)
    }

    /// What a client draws for one job.
    struct Draw: Sendable {
        var job: JobID
        var purse: Purse
        var amount: Int64
        var limit: SpendingLimit
        /// The provider's, for this job and amount.
        var quote: KeptQuote
        /// Of aggregator-d.
        var process: Digest?
    }

    /// Sets a job's money aside out of this node's credit and gives the note that goes with the job. Again is the same note.
    ///
    /// - Parameter sign: called in the transaction, so that what leaves is what is stored; with the hash of a purchase whose
    ///   payment is held, where that pays.
    func draw(
        _ draw: Draw, at: Int64, sign: @escaping @Sendable (Digest?) throws -> SignedEvent
    ) async throws -> SignedEvent {
        // Who asked may be dead by now, and another process have said so.
        try Task.checkCancellation()
        return try await writing { writer in
            let db = writer.db
            for purse in try Self.purses(with: draw.purse, db) {
                guard let earlier = try Self.pledge(draw.job, purse.id, db) else { continue }
                guard earlier.amount == draw.amount, !earlier.isOver, earlier.quote == draw.quote.event.id,
                    let note = try Self.note(draw.job, purse.id, db)
                else { throw WireError(.conflict, "\(draw.job) was promised before, on other terms.") }
                return note
            }
            try Self.requireCurrent(draw.quote, at: at)
            let (purse, hash) = try Self.choose(draw, db)
            try Self.check(draw.limit, draw.amount, purse.asset, to: purse.peer, at: at, db)
            let party = "job:\(draw.job)/\(purse.peer.hex)"
            let note = try sign(hash)
            try writer.store(draw.quote.event)
            try Self.promise(
                draw.job, purse, draw.amount, draw.process, draw.quote, for: party, note: note, at: at, writer
            )
            return note
        }
    }

    /// What a job is paid from: credit that was paid, or else what is held for the first answers.
    private static func choose(_ draw: Draw, _ db: Database) throws -> (Purse, held: Digest?) {
        let (purse, amount) = (draw.purse, draw.amount)
        guard (1...Deed.largestAmount).contains(amount) else {
            throw WireError(.invalidParams, "'amount' is beyond all bounds.")
        }
        let left = try balance(purse.account, purse.asset, db)
        if try knows(purse, db), amount <= left { return (purse, nil) }
        let (purchase, isBusy) = try usable(purse, amount, db)
        if let purchase { return (purchase.purse, purchase.hash) }
        let peer = purse.peer.hex.prefix(16)
        guard !isBusy else {
            throw WireError(
                .paymentRequired,
                "What is held for the provider \(peer) waits for the answer to another job.",
                fix: "Wait until that is accepted: one job is under way until then.", retryAfterMs: 2_000)
        }
        let knows = try knows(purse, db)
        throw WireError(
            .paymentRequired,
            knows
                ? "This node's credit with the provider \(peer) is \(left) msat, and the job may cost \(amount)."
                : "This node has no credit with the provider \(peer).",
            fix:
                "Pay some ahead: 'infernetctl wallet credit open \(purse.peer.npub) SATOSHIS --model NAME'; with '--held' it "
                + "is paid when an answer was accepted.")
    }

    /// What comes with a stranger's job that is paid from its credit.
    struct DrawnCredit: Sendable {
        var purse: Purse
        /// The most that the job may cost.
        var amount: Int64
        var note: SignedEvent
        /// How long after it was held a payment may be drawn on, in milliseconds: the rest is for the answer.
        var within: Int64 = .max
        /// Of aggregator-d.
        var process: Digest?
    }

    /// Takes the promise for one job out of the client's credit.
    static func take(
        _ drawn: DrawnCredit, for job: JobID, _ quote: KeptQuote?, at: Int64, _ writer: LedgerWriter
    ) throws {
        let (db, purse) = (writer.db, drawn.purse)
        if let hash = try heldHash(purse.id, db) {
            try requireUsable(try requireHold(hash, db), within: drawn.within, at: at, db)
        }
        let left = try balance(purse.account, purse.asset, db)
        guard try knows(purse, db), drawn.amount <= left else {
            throw WireError(
                .paymentRequired,
                "A payment is required: your credit here is \(left) msat, and this job may cost \(drawn.amount).",
                retryAfterMs: try offered(purse, db) > 0 ? 5_000 : nil)
        }
        let party = "job:\(purse.peer.hex)/\(job)"
        try promise(
            job, purse, drawn.amount, drawn.process, quote, for: party, note: drawn.note, at: at, writer)
    }

    /// What is held pays for one job until its preimage is revealed, and for none that could outlive it.
    private static func requireUsable(
        _ hold: HeldInvoice, within: Int64, at: Int64, _ db: Database
    ) throws {
        let why: String? =
            switch hold.state {
            case .asked, .open: "the payment has not come yet"
            case .cancelling, .settled, .cancelled, .expired: "what was held is over: \(hold.reason)"
            case .held where hold.isRevealed: nil
            case .held where try held(hold.purse, db) > 0:
                "what is held waits for the answer to another job to be accepted"
            case .held: at - hold.since > within ? "what is held goes back soon" : nil
            }
        guard let why else { return }
        throw WireError(
            .paymentRequired, "A payment is required: \(why).",
            retryAfterMs: hold.state == .open || hold.state == .held ? 2_000 : nil)
    }

    private static func promise(
        _ job: JobID, _ purse: Purse, _ amount: Int64, _ process: Digest?, _ quote: KeptQuote?,
        for party: String, note: SignedEvent, at: Int64, _ writer: LedgerWriter
    ) throws {
        _ = try perform(
            .reserve(amount, purse.asset, for: party, of: purse.account), id: purse.reservation(job), at: at,
            writer)
        try pledge(job, purse.id, amount, process, quote, at: at, writer)
        try writer.store(note)
        try writer.insert(
            "note", ["channel": Data(purse.id.bytes), "job": job.text, "event": note.id])
    }

    static func keep(_ offered: OfferedCredit, at: Int64, _ writer: LedgerWriter) throws {
        try keep(offered.purse, at: at, writer)
        try writer.store(offered.event)
        try writer.insert(
            "credit_offer",
            [
                "hash": Data(offered.offer.hash.bytes), "channel": Data(offered.purse.id.bytes),
                "amount": offered.offer.amount, "event": offered.event.id, "at": at,
            ])
    }

    /// Writes a credit down, once.
    static func keep(_ purse: Purse, at: Int64, _ writer: LedgerWriter) throws {
        guard try !knows(purse, writer.db) else { return }
        try writer.insert(
            "channel",
            [
                "id": Data(purse.id.bytes), "side": purse.side.rawValue, "peer": purse.peer.hex,
                "rail": purse.rail, "asset": purse.asset.rawValue, "at": at, "config": Data(),
            ])
    }
}
