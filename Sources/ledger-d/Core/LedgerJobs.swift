// Jobs of strangers in the ledger: taken once, looked up before a key is opened or a receipt signed.
// It must never move money: taking a job owes nothing to anybody.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// Writes down that a job is taken; on disk when it returns.
    ///
    /// - Parameters:
    ///   - cover: the voucher that pays for it, or the client's credit; neither for test credits.
    ///   - quote: this node's own, for a job that is paid for.
    ///   - at: Unix milliseconds.
    /// - Returns: whether it had been taken before, on the same terms.
    /// - Throws: `.conflict` when it was taken on other terms, `.paymentRequired` when nothing covers it.
    func take(
        _ job: TakenJob, cover: Cover? = nil, drawn: DrawnCredit? = nil, quote: KeptQuote? = nil, at: Int64
    ) async throws -> Bool {
        // Who asked may be dead by now, and another process have said so.
        try Task.checkCancellation()
        do {
            return try await commits.write { writer in
                if let earlier = try Self.taken(job.job, by: job.client, writer.db) {
                    guard earlier.terms == job else {
                        throw WireError(
                            .conflict, "\(job.job) was taken on other terms.",
                            fix: "Use a new job id for new work.")
                    }
                    return true
                }
                if let quote {
                    try Self.requireCurrent(quote, at: at)
                    try writer.store(quote.event)
                }
                if let cover { try Self.take(cover, for: job.job, quote, at: at, writer) }
                if let drawn { try Self.take(drawn, for: job.job, quote, at: at, writer) }
                try writer.insert(
                    "taken",
                    [
                        "client": job.client.hex, "job": job.job.text, "at": at,
                        "terms": Data(try CanonicalJSON.encode(job)),
                    ])
                return false
            }
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }

    /// Refuses to open the content key of a job that was not taken, was taken long ago, or has its receipt.
    ///
    /// - Parameter at: Unix milliseconds.
    func requireOpen(_ job: JobID, of client: PublicKey, at: Int64) async throws {
        let operation = Operation(kind: .issue, job: job, client: client, provider: client)
        try await reading { db in
            guard let taken = try Self.taken(job, by: client, db) else {
                throw WireError(
                    .policyRefused,
                    "ledger-d opens no key of \(job): this node has not taken it from \(client.hex).")
            }
            let age = (at - taken.at) / 1000
            guard age <= TakenJob.openFor else {
                throw WireError(.policyRefused, "ledger-d opens no key of \(job): it was taken \(age) s ago.")
            }
            let isDone = try Row.fetchOne(
                db, sql: "SELECT 1 FROM operation WHERE id = ?", arguments: [operation.id])
            guard isDone == nil else {
                throw WireError(.policyRefused, "ledger-d opens no key of \(job): its receipt is signed.")
            }
        }
    }

    /// A receipt for a stranger must be one of a job that was taken, on the terms of that time.
    static func requireTaken(_ body: ReceiptBody, _ db: Database) throws {
        guard let taken = try taken(body.job, by: body.client, db) else {
            throw WireError(
                .policyRefused,
                "ledger-d does not sign this receipt: this node has not taken \(body.job) from \(body.client.hex)."
            )
        }
        try taken.terms.check(body)
    }

    private static func taken(
        _ job: JobID, by client: PublicKey, _ db: Database
    ) throws -> (terms: TakenJob, at: Int64)? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT at, terms FROM taken WHERE client = ? AND job = ?"),
                arguments: [client.hex, job.text])
        else { return nil }
        return (try CanonicalJSON.decode(TakenJob.self, from: row["terms"] as Data), row["at"])
    }

    /// Every taken job must be readable, stand under its own name, and agree with its receipt.
    static func auditJobs(_ db: Database, _ report: inout AuditReport) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT taken.client, taken.job, taken.terms, event.json FROM taken
                LEFT JOIN operation ON operation.id = 'issue/' || taken.client || '/' || taken.job
                LEFT JOIN event ON event.id = operation.receipt
                """)
        while let row = try rows.next() {
            do {
                let terms = try CanonicalJSON.decode(TakenJob.self, from: row["terms"] as Data)
                guard terms.client.hex == row["client"], terms.job.text == row["job"] else {
                    throw ChainFault(description: "the terms are of another job")
                }
                guard let json: Data = row["json"] else { continue }
                try terms.check(
                    try ReceiptBody(unproven: try CanonicalJSON.decode(SignedEvent.self, from: json)))
            } catch { report.fault("the taken job '\(row["job"] as String)': \(error)") }
        }
    }
}
