// What the credits' book holds, read.
// It must never write.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// A stored word on an invoice that buys credit.
    struct StoredOffer: Sendable {
        var purse: Purse
        var amount: Int64
        var event: SignedEvent

        /// What is booked when it is paid.
        func deed(_ hash: Digest) -> (id: String, deed: Deed) {
            let place = "\(purse.rail):\(hash.hex)"
            return ("credit/\(place)", .deposit(amount, purse.asset, from: place, into: purse.account))
        }
    }

    /// One credit as people see it.
    struct CreditStanding: Sendable {
        var purse: Purse
        /// What jobs may draw on, what jobs under way hold, the sum of all receipts, and what is on its way back.
        var balance: Int64
        var open: Int64
        var charged: Int64
        var returning: Int64
        /// Unix milliseconds.
        var at: Int64
    }

    /// All credits that were ever more than an offer, newest first.
    func credits() async throws -> [CreditStanding] {
        try await reading { db in
            try Row.fetchAll(db, sql: "SELECT * FROM channel WHERE length(config) = 0 ORDER BY at DESC, id")
                .compactMap { row in
                    let purse = try Purse(row)
                    // Those of single purchases are shown by themselves; what they were charged counts here.
                    guard try Self.heldHash(purse.id, db) == nil else { return nil }
                    let all = try Self.purses(with: purse, db)
                    return CreditStanding(
                        purse: purse, balance: try Self.balance(purse.account, purse.asset, db),
                        open: try Self.held(purse, db),
                        charged: try all.reduce(0) { try $0 + Self.charged($1.id, db) },
                        returning: try Self.returning(purse, db), at: row["at"])
                }.filter { $0.balance > 0 || $0.open > 0 || $0.charged > 0 || $0.returning > 0 }
        }
    }

    static func knows(_ purse: Purse, _ db: Database) throws -> Bool {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM channel WHERE id = ? AND side = ?"),
            arguments: [Data(purse.id.bytes), purse.side.rawValue]) != nil
    }

    /// All that one node's credit is: free, held by jobs, and on its way back, in the common purse and in those of purchases.
    static func worth(_ purse: Purse, _ db: Database) throws -> Int64 {
        try purses(with: purse, db).reduce(0) {
            try $0 + balance($1.account, $1.asset, db) + held($1, db) + returning($1, db)
        }
    }

    /// What jobs under way hold of a credit.
    static func held(_ purse: Purse, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT coalesce(sum(amount), 0) FROM pledge WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM charge
                        WHERE charge.channel = pledge.channel AND charge.job = pledge.job)
                    """), arguments: [Data(purse.id.bytes)]) ?? 0
    }

    static func offer(_ hash: Digest, _ db: Database) throws -> StoredOffer? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT channel.*, credit_offer.amount, event.json FROM credit_offer
                    JOIN channel ON channel.id = credit_offer.channel JOIN event ON event.id = credit_offer.event
                    WHERE hash = ?
                    """), arguments: [Data(hash.bytes)]
        ).map { row in
            StoredOffer(
                purse: try Purse(row), amount: row["amount"],
                event: try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data))
        }
    }

    /// This node's invoice to a client that is open still, for the same amount.
    func openOffer(
        _ purse: Purse, amount: Int64, since: Int64
    ) async throws -> (event: SignedEvent, invoice: String)? {
        try await reading { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT event.json, invoice.text FROM credit_offer JOIN event ON event.id = credit_offer.event
                    JOIN invoice ON invoice.hash = credit_offer.hash
                    WHERE channel = ? AND credit_offer.amount = ? AND credit_offer.at > ? AND NOT EXISTS (
                        SELECT 1 FROM invoice_end WHERE invoice_end.hash = credit_offer.hash)
                    """, arguments: [Data(purse.id.bytes), amount, since]
            ).map { row in
                (try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data), row["text"])
            }
        }
    }

    /// How many of this node's invoices for credit are open.
    func openOffers() async throws -> Int {
        try await reading { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM credit_offer JOIN invoice ON invoice.hash = credit_offer.hash
                    WHERE NOT EXISTS (SELECT 1 FROM invoice_end WHERE invoice_end.hash = invoice.hash)
                    """) ?? 0
        }
    }

    /// How many of this node's invoices for one client are open.
    static func openOffers(_ purse: Purse, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT count(*) FROM credit_offer JOIN invoice ON invoice.hash = credit_offer.hash
                    WHERE channel = ? AND NOT EXISTS (
                        SELECT 1 FROM invoice_end WHERE invoice_end.hash = credit_offer.hash)
                    """), arguments: [Data(purse.id.bytes)]) ?? 0
    }

    /// What this node's open invoices may bring one client.
    static func offered(_ purse: Purse, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT coalesce(sum(credit_offer.amount), 0) FROM credit_offer
                    JOIN invoice ON invoice.hash = credit_offer.hash WHERE channel = ? AND NOT EXISTS (
                        SELECT 1 FROM invoice_end WHERE invoice_end.hash = credit_offer.hash)
                    """), arguments: [Data(purse.id.bytes)]) ?? 0
    }

    /// What this node is paying for one credit and has not paid yet.
    static func coming(_ purse: Purse, _ db: Database) throws -> Int64 {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT hash, amount FROM credit_offer WHERE channel = ? AND NOT EXISTS (
                        SELECT 1 FROM preimage WHERE preimage.hash = credit_offer.hash)
                    """), arguments: [Data(purse.id.bytes)])
        return try rows.reduce(0) { sum, row in
            guard let hash = Digest(bytes: Array(row["hash"] as Data)),
                let payment = try lastTry(hash, db), !payment.state.isOver
            else { return sum }
            return sum + (row["amount"] as Int64)
        }
    }

    /// The last try at an invoice.
    static func lastTry(_ hash: Digest, _ db: Database) throws -> OutgoingPayment? {
        var (attempt, last) = (1, OutgoingPayment?.none)
        while let payment = try payment(LightningTerms.id(hash, attempt: attempt), db) {
            last = payment
            attempt += 1
        }
        return last
    }

    static func note(_ job: JobID, _ purse: Digest, _ db: Database) throws -> SignedEvent? {
        try Data.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT event.json FROM note JOIN event ON event.id = note.event WHERE channel = ? AND job = ?
                    """), arguments: [Data(purse.bytes), job.text]
        ).map { try CanonicalJSON.decode(SignedEvent.self, from: $0) }
    }
}
