// The part of the audit that proves quotes: each is signed by its provider for the job that was promised on it, and says the
// amount that was promised. It must never take a price on its word: it is in an event, whose signature is checked.

import FoundationEssentials
import GRDB
import NodeModel

extension Ledger {
    /// Every quote must be signed by the purse's provider for its client, be for this job and this amount, and be the one
    /// that the taken job and the receipt name.
    static func auditQuotes(_ db: Database, _ report: inout AuditReport) throws {
        let owners = Set(try owners(db))
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT channel.*, pledge.job AS job, pledge.amount, pledge.first, pledge.quote, event.json, taken.terms,
                    receipt.json AS receipt
                FROM pledge JOIN channel ON channel.id = pledge.channel
                LEFT JOIN event ON event.id = pledge.quote
                LEFT JOIN taken ON channel.side = 'payee' AND taken.client = channel.peer AND taken.job = pledge.job
                LEFT JOIN operation ON operation.id = (CASE channel.side
                    WHEN 'payee' THEN 'issue/' || channel.peer || '/' || pledge.job
                    ELSE 'spend/' || pledge.job END)
                LEFT JOIN event AS receipt ON receipt.id = operation.receipt
                WHERE pledge.quote IS NOT NULL
                """)
        while let row = try rows.next() {
            do { try auditQuote(row, owners) } catch {
                report.fault("the quote of \(row["job"] as String): \(error)")
            }
        }
    }

    private static func auditQuote(_ row: Row, _ owners: Set<String>) throws {
        let purse = try Purse(row)
        guard let json: Data = row["json"],
            let quote = Quote(try CanonicalJSON.decode(SignedEvent.self, from: json))
        else { throw ChainFault(description: "its provider did not sign it") }
        let (own, peer) =
            purse.side == .payer ? (quote.client, quote.provider) : (quote.provider, quote.client)
        guard owners.contains(own.hex), peer == purse.peer else {
            throw ChainFault(description: "it is not between the nodes of its purse")
        }
        guard quote.terms.job.text == row["job"], quote.ceiling == row["amount"] as Int64,
            quote.first == row["first"] as Int64? ?? quote.ceiling,
            quote.terms.unitPrice.asset == purse.asset, purse.asset.rail.map(quote.rails.contains) == true
        else { throw ChainFault(description: "it is not for what was promised") }
        let id = Digest(hex: row["quote"])
        if let terms: Data = row["terms"] {
            let taken = try CanonicalJSON.decode(TakenJob.self, from: terms)
            guard taken.quote == id, taken.modelRoot == quote.terms.modelRoot,
                taken.unitPrice == quote.terms.unitPrice, taken.maxTokens == quote.terms.maxTokens
            else { throw ChainFault(description: "the job was taken on other terms") }
        } else if purse.side == .payee {
            throw ChainFault(description: "the job was not taken")
        }
        guard let json: Data = row["receipt"] else { return }
        let receipt = try CanonicalJSON.decode(SignedEvent.self, from: json)
        // The client may have its receipt from another provider, whom it asked after this one.
        guard receipt.pubkey == quote.provider else { return }
        guard ReceiptBody.quote(of: receipt) == id else {
            throw ChainFault(description: "the receipt names another")
        }
    }
}
