// What is left of a credit goes back: the client's invoice is paid out of it, once, whichever side dies on the way.
// It must never pay a client more than its credit, nor let jobs draw on what is on its way back.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// A client's request to have an invoice paid out of its credit.
    struct CreditReturn: Sendable {
        var purse: Purse
        var hash: Digest
        /// The invoice's amount, and what the way there may cost.
        var amount: Int64
        var fee: Int64
        var event: SignedEvent

        var whole: Int64 { amount + fee }
        var reservation: String { "return/\(hash.hex)" }
        var party: String { "\(purse.rail):\(hash.hex):back" }
    }

    /// Sets credit of this node's aside until the provider has paid an invoice of this node's with it.
    func askBack(_ wanted: CreditReturn, invoice: OwnInvoice, at: Int64) async throws {
        try await writing { writer in
            _ = try Self.perform(
                .reserve(wanted.whole, wanted.purse.asset, for: wanted.party, of: wanted.purse.account),
                id: wanted.reservation, at: at, writer)
            try Self.keep(invoice, writer)
            try Self.keep(wanted, at: at, writer)
        }
    }

    /// This node's request to a provider that is still open.
    func openReturn(_ purse: Purse) async throws -> SignedEvent? {
        try await reading { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT event.json FROM credit_return JOIN event ON event.id = credit_return.event
                    WHERE channel = ? AND NOT EXISTS (
                        SELECT 1 FROM invoice_end WHERE invoice_end.hash = credit_return.hash)
                    """, arguments: [Data(purse.id.bytes)]
            ).map { try CanonicalJSON.decode(SignedEvent.self, from: $0) }
        }
    }

    /// Sets what a client wants back aside, to be paid to its invoice. Again is the same payment, until it has failed.
    func payBack(
        _ wanted: CreditReturn, at: Int64, _ draft: @escaping @Sendable (Int) throws -> PaymentDraft
    ) async throws -> OutgoingPayment {
        try await writing { writer in
            let known = try Self.creditReturn(wanted.hash, writer.db)
            if let known,
                known.purse != wanted.purse || known.amount != wanted.amount || known.fee != wanted.fee
            {
                throw WireError(.conflict, "This invoice was asked to be paid before, on other terms.")
            }
            // An invoice that this node pays of its own is not paid again with a client's money, nor the other way round.
            if known == nil, try Self.lastTry(wanted.hash, writer.db) != nil {
                throw WireError(.conflict, "This invoice was paid before, and not out of this credit.")
            }
            let payment = try Self.ask(wanted.hash, at: at, writer, draft)
            if known == nil { try Self.keep(wanted, at: at, writer) }
            return payment
        }
    }

    /// An invoice of this node's is paid, or cannot be any more: what was set aside for it is spent, or comes back.
    static func endReturn(_ hash: Digest, paid: Bool, at: Int64, _ writer: LedgerWriter) throws {
        guard let wanted = try creditReturn(hash, writer.db), wanted.purse.side == .payer else { return }
        let (id, deed) = wanted.end(paid: paid)
        _ = try perform(deed, id: id, at: at, writer)
    }

    /// What is on its way back out of a credit.
    static func returning(_ purse: Purse, _ db: Database) throws -> Int64 {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT hash, amount + fee AS whole FROM credit_return WHERE channel = ? AND NOT EXISTS (
                        SELECT 1 FROM preimage WHERE preimage.hash = credit_return.hash) AND NOT EXISTS (
                        SELECT 1 FROM invoice_end WHERE invoice_end.hash = credit_return.hash)
                    """), arguments: [Data(purse.id.bytes)])
        return try rows.reduce(0) { sum, row in
            if purse.side == .payee {
                guard let hash = Digest(bytes: Array(row["hash"] as Data)),
                    let payment = try lastTry(hash, db), !payment.state.isOver
                else { return sum }
            }
            return sum + (row["whole"] as Int64)
        }
    }

    static func creditReturn(_ hash: Digest, _ db: Database) throws -> CreditReturn? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT channel.*, credit_return.hash, credit_return.amount, credit_return.fee, event.json
                    FROM credit_return JOIN channel ON channel.id = credit_return.channel
                    JOIN event ON event.id = credit_return.event WHERE hash = ?
                    """), arguments: [Data(hash.bytes)]
        ).map { row in
            CreditReturn(
                purse: try Purse(row), hash: hash, amount: row["amount"], fee: row["fee"],
                event: try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data))
        }
    }

    private static func keep(_ wanted: CreditReturn, at: Int64, _ writer: LedgerWriter) throws {
        try keep(wanted.purse, at: at, writer)
        try writer.store(wanted.event)
        try writer.insert(
            "credit_return",
            [
                "hash": Data(wanted.hash.bytes), "channel": Data(wanted.purse.id.bytes),
                "amount": wanted.amount, "fee": wanted.fee, "event": wanted.event.id, "at": at,
            ])
    }
}

extension Ledger.CreditReturn {
    /// What is booked at its end, with the client.
    func end(paid: Bool) -> (id: String, deed: Deed) {
        paid
            ? (
                "returned/\(hash.hex)",
                .post(reservation, whole, purse.asset, to: party, of: purse.account)
            ) : ("kept/\(hash.hex)", .void(reservation, purse.asset, of: purse.account))
    }
}
