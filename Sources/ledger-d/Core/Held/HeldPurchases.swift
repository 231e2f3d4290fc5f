// The client's side of credit whose payment is held: the hash is drawn, its invoice paid, and its preimage revealed with the first
// receipt that is accepted. It must never let a preimage out otherwise, nor pay one hash twice.

import FoundationEssentials
import GRDB
import NodeModel
import Nostr
import Wire

/// Credit that this node buys on a hash of its own.
struct HeldPurchase: Sendable {
    var hash: Digest
    var preimage: [UInt8]
    /// Of this purchase alone.
    var purse: Purse
    var amount: Int64
    /// The request to the provider.
    var event: SignedEvent
    /// Unix milliseconds.
    var at: Int64
}

extension Ledger {
    /// Writes a drawn hash down with its preimage. The hash may leave when this has returned.
    func begin(_ purchase: HeldPurchase) async throws {
        try await writing { writer in
            try Self.requireNew(purchase.hash, writer.db)
            try Self.keep(purchase.purse, at: purchase.at, writer)
            try writer.store(purchase.event)
            try writer.insert(
                "purchase",
                [
                    "hash": Data(purchase.hash.bytes), "preimage": Data(purchase.preimage),
                    "channel": Data(purchase.purse.id.bytes), "amount": purchase.amount,
                    "event": purchase.event.id, "at": purchase.at,
                ])
        }
    }

    /// Refuses a hash that anything in the books goes by: its preimage might be known.
    static func requireNew(_ hash: Digest, _ db: Database) throws {
        for table in ["preimage", "invoice", "purchase", "hold", "credit_offer", "credit_return"] {
            let known = try Row.fetchOne(
                db, sql: "SELECT 1 FROM \(table) WHERE hash = ?", arguments: [Data(hash.bytes)])
            guard known == nil else {
                throw WireError(.conflict, "This hash was used before.", fix: "Draw another one.")
            }
        }
        guard try lastTry(hash, db) == nil else {
            throw WireError(.conflict, "This hash was paid before.", fix: "Draw another one.")
        }
    }

    /// The purchase out of which a job may be promised: one whose payment is under way, and whose preimage is revealed or to
    /// be revealed for this very job. Nil, and whether one is waiting for another job's answer.
    static func usable(
        _ purse: Purse, _ amount: Int64, _ db: Database
    ) throws -> (purchase: HeldPurchase?, isBusy: Bool) {
        var isBusy = false
        for candidate in try purses(with: purse, db) where candidate.id != purse.id {
            guard let found = try purchase(of: candidate, db), let payment = try lastTry(found.hash, db),
                payment.state == .handed || payment.state == .answered,
                try balance(candidate.account, candidate.asset, db) >= amount
            else { continue }
            if try isRevealed(found.hash, db) || held(candidate, db) == 0 { return (found, false) }
            isBusy = true
        }
        return (nil, isBusy)
    }

    /// An accepted receipt of a job under a purchase: its preimage may leave. In the transaction of the acceptance.
    static func reveal(_ job: JobID, _ purse: Purse, at: Int64, _ writer: LedgerWriter) throws {
        guard let purchase = try purchase(of: purse, writer.db), try !isRevealed(purchase.hash, writer.db)
        else { return }
        let sealed = try NIP44.encrypt(
            Hex.encode(purchase.preimage), try NIP44.ConversationKey(writer.key, with: purse.peer))
        let request = CreditRequest(
            client: writer.key.publicKey, provider: purse.peer, asset: purse.asset,
            wish: .reveal(purchase.hash, sealed: sealed), createdAt: at / 1000)
        let event = try writer.key.sign(request.template)
        try writer.store(event)
        try writer.insert(
            "reveal",
            [
                "hash": Data(purchase.hash.bytes), "preimage": Data(purchase.preimage), "job": job.text,
                "event": event.id, "at": at,
            ])
    }

    /// What brings a preimage to its provider, while that has not taken what is held; nil for a job under no such purchase.
    func reveal(of job: JobID, provider: PublicKey) async throws -> SignedEvent? {
        try await reading { db in
            guard let purse = try Self.promised(job, by: provider, .payer, db),
                let purchase = try Self.purchase(of: purse, db),
                try Self.lastTry(purchase.hash, db)?.state.isOver == false
            else { return nil }
            return try Data.fetchOne(
                db,
                sql: "SELECT event.json FROM reveal JOIN event ON event.id = reveal.event WHERE hash = ?",
                arguments: [Data(purchase.hash.bytes)]
            ).map { try CanonicalJSON.decode(SignedEvent.self, from: $0) }
        }
    }

    /// The payment has settled: what is left is credit like any other.
    static func endPurchase(_ hash: Digest, at: Int64, _ writer: LedgerWriter) throws {
        guard let purchase = try purchase(hash, writer.db) else { return }
        try sweep(purchase.purse, hash, "end", at: at, writer)
    }

    /// The payment came back: nothing can be drawn any more, and what was drawn and accepted cost nothing.
    static func returnPurchase(_ hash: Digest, at: Int64, _ writer: LedgerWriter) throws {
        guard let purchase = try purchase(hash, writer.db) else { return }
        try giveUp(purchase.purse, hash, "uncredited", at: at, writer)
    }

    /// Ends all promises of a purse and takes what is in it out of the books: its payment did not come to anything.
    static func giveUp(
        _ purse: Purse, _ hash: Digest, _ word: String, at: Int64, _ writer: LedgerWriter
    ) throws {
        let jobs = try String.fetchAll(
            writer.db,
            sql: """
                SELECT job FROM pledge WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM charge
                    WHERE charge.channel = pledge.channel AND charge.job = pledge.job) ORDER BY job
                """, arguments: [Data(purse.id.bytes)])
        for job in jobs.compactMap({ JobID($0) }) { try end(job, purse, at: at, writer) }
        let rest = try balance(purse.account, purse.asset, writer.db)
        guard rest > 0 else { return }
        _ = try perform(
            .withdraw(rest, purse.asset, to: "\(purse.rail):\(hash.hex)", of: purse.account),
            id: "\(word)/\(hash.hex)", at: at, writer)
    }

    /// Moves what is in the purse of a purchase into the common one of both nodes.
    ///
    /// - Parameter name: of the occasion; there is one move for each.
    static func sweep(
        _ purse: Purse, _ hash: Digest, _ name: String, at: Int64, _ writer: LedgerWriter
    ) throws {
        let rest = try balance(purse.account, purse.asset, writer.db)
        guard rest > 0 else { return }
        let common = Purse.credit(
            purse.side, own: writer.key.publicKey, peer: purse.peer, asset: purse.asset)
        try keep(common, at: at, writer)
        let party = "\(purse.rail):\(hash.hex):rest"
        _ = try perform(
            .withdraw(rest, purse.asset, to: party, of: purse.account), id: "rest/\(hash.hex)/\(name)",
            at: at, writer)
        _ = try perform(
            .deposit(rest, purse.asset, from: party, into: common.account),
            id: "kept/\(hash.hex)/\(name)", at: at, writer)
    }

    /// A promise under a purchase that is over has ended: what came back goes where the rest went.
    static func sweepLate(_ job: JobID, _ channel: Digest, at: Int64, _ writer: LedgerWriter) throws {
        let db = writer.db
        guard let hash = try heldHash(channel, db) else { return }
        if let purchase = try purchase(hash, db), try lastTry(hash, db)?.state == .settled {
            try sweep(purchase.purse, hash, job.text, at: at, writer)
        } else if let hold = try hold(hash, db), hold.state == .settled {
            try sweep(hold.purse, hash, job.text, at: at, writer)
        }
    }
}
