// The part of the audit that proves Lightning payments, out and in, by their invoices and preimages.
// It must never take a hash on its word: texts are read and preimages hashed again.

import FoundationEssentials
import GRDB
import Lightning
import NodeModel

extension Ledger {
    /// A Lightning payment must be of the invoice in its terms, and proven when it is settled.
    static func auditLightning(_ payment: OutgoingPayment, party: String, _ db: Database) throws {
        let terms = try LightningTerms(payment.terms)
        try terms.check(amount: payment.amount, party: party, rail: payment.rail)
        if payment.state == .settled { try requirePreimage(try terms.decoded().paymentHash, db) }
    }

    /// Every paid invoice must be proven and booked with its own amount, and no other.
    static func auditInvoices(_ db: Database, _ report: inout AuditReport) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT invoice.*, invoice_end.state, operation.payload FROM invoice
                LEFT JOIN invoice_end ON invoice_end.hash = invoice.hash
                LEFT JOIN operation ON operation.id = 'deed/in/' || invoice.rail || ':' || lower(hex(invoice.hash))
                """)
        while let row = try rows.next() {
            let own = try invoice(row)
            do {
                let read = try Invoice(own.text)
                guard read.paymentHash == own.hash, read.amount == UInt64(clamping: own.amount) else {
                    throw ChainFault(description: "its text is of another invoice")
                }
                let booked = try (row["payload"] as Data?).map {
                    try CanonicalJSON.decode(Deed.self, from: $0)
                }
                // What was held is booked from then on, and taken out again when it went back.
                let wasHeld = try Row.fetchOne(
                    db, sql: "SELECT 1 FROM hold_step WHERE hash = ? AND state = 'held'",
                    arguments: [Data(own.hash.bytes)])
                let due = own.state == .paid || wasHeld != nil ? try income(own, db) : nil
                guard booked == due else {
                    throw ChainFault(description: "what is booked is not what it says")
                }
                if own.state == .paid { try requirePreimage(own.hash, db) }
            } catch { report.fault("the invoice \(own.hash): \(error)") }
        }
    }

    private static func requirePreimage(_ hash: Digest, _ db: Database) throws {
        let kept = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT preimage FROM preimage WHERE hash = ?"),
            arguments: [Data(hash.bytes)])
        guard let kept, Digest(hashing: Array(kept)) == hash else {
            throw ChainFault(description: "nothing proves that it was paid")
        }
    }
}
