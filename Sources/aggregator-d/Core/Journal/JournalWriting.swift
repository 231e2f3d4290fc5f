// How each entry becomes rows. All of it happens inside a transaction of the journal's writer.
// It must never move a job out of a final state: a late word cannot wake the dead.

import GRDB
import Interfaces
import NodeModel
import Wire

enum JournalWriting {
    static let finals = "('done','failed','cancelled')"

    /// Applies a batch as its entries one by one would be, but what a job passed through on the way is not written over
    /// and over: it is in the steps.
    static func apply(_ entries: [JournalEntry], _ db: Database) throws {
        var last: [JobKey: Int] = [:]
        // A word on a job reads its state.
        var noted: Set<JobKey> = []
        for (place, entry) in entries.enumerated() {
            switch entry {
            case .moved(let key, _, _, _, _): last[key] = place
            case .noted(let key, _, _): noted.insert(key)
            default: break
            }
        }
        // Jobs of which this batch knows that they are there and not over.
        var open: Set<JobKey> = []
        for (place, entry) in entries.enumerated() {
            if case .moved(let key, let state, let reason, _, let at) = entry, !state.isFinal,
                open.contains(key), last[key] != place, !noted.contains(key)
            {
                try step(key, state, reason, at, db)
                continue
            }
            try apply(entry, db)
            switch entry {
            case .opened(let record) where db.changesCount > 0:
                open.insert(JobKey(job: record.job, served: record.side == .provider))
            case .moved(let key, let state, _, _, _) where state.isFinal: open.remove(key)
            default: break
            }
        }
    }

    static func apply(_ entry: JournalEntry, _ db: Database) throws {
        switch entry {
        case .opened(let record): try open(record, db)
        case .moved(let key, let state, let reason, let fix, let at):
            try db.run(
                """
                UPDATE jobs SET state = ?, reason = ?, fix = ?, updated_at = ?
                WHERE job = ? AND served = ? AND state NOT IN \(finals)
                """, arguments: [state.rawValue, reason, fix, at, key.job.text, key.served])
            if db.changesCount > 0 { try step(key, state, reason, at, db) }
        case .placed(let key, let side, let peer, let model):
            try db.run(
                "UPDATE jobs SET side = ?, peer = ?, model = ? WHERE job = ? AND served = ?",
                arguments: [side.rawValue, peer?.hex, model, key.job.text, key.served])
        case .quoted(let key, let quote):
            try db.run(
                "UPDATE jobs SET quote = ? WHERE job = ? AND served = ?",
                arguments: [quote, key.job.text, key.served])
        case .noted(let key, let words, let at): try note(key, words, at, db)
        case .receipt(let key, let event, let body, let at): try keep(key, event, body, at, db)
        case .owed(let row):
            try db.run(
                "INSERT OR IGNORE INTO outbox (job, served, provider, endpoint, attempts, next_at) VALUES (?,?,?,?,?,?)",
                arguments: [
                    row.key.job.text, row.key.served, row.provider.hex, row.endpoint, row.attempts,
                    row.nextAt,
                ])
        case .accepted(let key, let event):
            try db.run(
                "UPDATE receipts SET acceptance = ? WHERE job = ? AND served = ? AND acceptance IS NULL",
                arguments: [try JournalJSON.text(event), key.job.text, key.served])
        case .postponed(let key, let attempts, let nextAt, let error):
            try db.run(
                "UPDATE outbox SET attempts = ?, next_at = ?, error = ? WHERE job = ? AND served = ?",
                arguments: [attempts, nextAt, error, key.job.text, key.served])
        case .experienced(let provider, let experience):
            try db.run(
                "INSERT OR REPLACE INTO experience (provider, good, bad, at) VALUES (?,?,?,?)",
                arguments: [provider.hex, experience.good, experience.bad, experience.at])
        case .verified(let key, let rate):
            try db.run(
                "INSERT OR REPLACE INTO verification (provider, model, consecutive, at) VALUES (?,?,?,?)",
                arguments: [key.provider.hex, key.model.hex, rate.consecutive, rate.at])
        case .settled(let key):
            try db.run(
                "DELETE FROM outbox WHERE job = ? AND served = ?", arguments: [key.job.text, key.served])
        }
    }

    private static func open(_ record: AggregatorInterface.Record, _ db: Database) throws {
        try db.run(
            """
            INSERT OR IGNORE INTO jobs
                (job, served, side, state, reason, fix, model, peer, created_at, updated_at, quote)
            VALUES (?,?,?,?,?,?,?,?,?,?,?)
            """,
            arguments: [
                record.job.text, record.side == .provider, record.side.rawValue, record.state.rawValue,
                record.reason, record.fix, record.model,
                record.peer?.hex, record.createdAt, record.updatedAt, record.quote,
            ])
    }

    private static func step(
        _ key: JobKey, _ state: AggregatorInterface.State, _ reason: String, _ at: Int64, _ db: Database
    ) throws {
        try db.run(
            "INSERT INTO steps (job, served, state, reason, at) VALUES (?,?,?,?,?)",
            arguments: [key.job.text, key.served, state.rawValue, reason, at])
    }

    private static func note(_ key: JobKey, _ words: String, _ at: Int64, _ db: Database) throws {
        let name = try String.fetchOne(
            db.cachedStatement(sql: "SELECT state FROM jobs WHERE job = ? AND served = ?"),
            arguments: [key.job.text, key.served])
        guard let state = name.flatMap(AggregatorInterface.State.init(rawValue:)) else { return }
        try db.run(
            "UPDATE jobs SET reason = ?, updated_at = ? WHERE job = ? AND served = ?",
            arguments: [words, at, key.job.text, key.served])
        try step(key, state, words, at, db)
    }

    private static func keep(
        _ key: JobKey, _ event: SignedEvent, _ body: ReceiptBody, _ at: Int64, _ db: Database
    ) throws {
        try db.run(
            "INSERT OR IGNORE INTO receipts (job, served, event, receipt, at) VALUES (?,?,?,?,?)",
            arguments: [key.job.text, key.served, event.id, try JournalJSON.text(event), at])
        try db.run(
            """
            UPDATE jobs SET prompt_tokens = ?, completion_tokens = ?, queue_ms = ?, load_ms = ?,
                first_token_ms = ?, generate_ms = ?, price = ?, asset = ? WHERE job = ? AND served = ?
            """,
            arguments: [
                body.usage.promptTokens, body.usage.completionTokens, body.timings.queueMs,
                body.timings.loadMs,
                body.timings.firstTokenMs, body.timings.generateMs, body.price, body.unitPrice.asset.rawValue,
                key.job.text, key.served,
            ])
    }

    /// Forgets the oldest jobs over the number that is kept; never one that runs or owes something.
    static func forget(_ db: Database, keep: Int) throws {
        try db.execute(
            sql: """
                DELETE FROM jobs WHERE rowid IN (
                    SELECT rowid FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?)
                AND state IN \(finals)
                AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.job = jobs.job AND outbox.served = jobs.served)
                """, arguments: [keep])
    }

    /// Ends what a dead process left running. Jobs whose answer was complete and whose receipt is kept are done.
    static func recover(_ db: Database, at: Int64, own: OwnBookings) throws -> Int {
        for bundle in own.bundles { try find(bundle, db, at: at) }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT jobs.job, jobs.served, receipts.event IS NOT NULL AS complete FROM jobs
                LEFT JOIN receipts ON receipts.job = jobs.job AND receipts.served = jobs.served
                WHERE state NOT IN \(finals)
                """)
        for row in rows {
            guard let key = JournalReading.key(row) else { continue }
            if row["complete"] {
                try apply(.moved(key, .done, reason: Self.restartedAfter, fix: nil, at: at), db)
                continue
            }
            let isUnknown = !key.served && own.unknown.contains(key.job)
            let words = isUnknown ? Self.restartedUnasked : Self.restartedDuring
            try apply(.moved(key, .failed, reason: words, fix: "Ask again.", at: at), db)
        }
        // What was left to a job that is no more is due now. Retries keep their pause: nobody's peer is hammered.
        try db.execute(
            sql: "UPDATE outbox SET next_at = ?1 WHERE attempts = 0 AND next_at > ?1", arguments: [at])
        return rows.count
    }

    /// Keeps what was booked of an own job that has no end yet.
    private static func find(_ bundle: ReceiptBundle, _ db: Database, at: Int64) throws {
        guard let body = try? ReceiptBody(unproven: bundle.receipt), let acceptance = bundle.acceptance else {
            return
        }
        let key = JobKey(job: body.job, served: false)
        let isOpen = try Bool.fetchOne(
            db, sql: "SELECT 1 FROM jobs WHERE job = ? AND served = 0 AND state NOT IN \(finals)",
            arguments: [key.job.text])
        guard isOpen == true else { return }
        try apply(.receipt(key, bundle.receipt, body, at: at), db)
        try apply(.accepted(key, acceptance), db)
    }

    static let restartedUnasked =
        "aggregator-d restarted while the job ran, and ledger-d could not be asked whether it was booked"
    static let restartedDuring = "aggregator-d restarted while the job ran"
    static let restartedAfter =
        "the answer was complete; aggregator-d restarted before the receipt was settled"
}

extension Database {
    /// Runs a statement that is compiled once for the connection: the journal writes the same few all day.
    fileprivate func run(_ sql: String, arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
