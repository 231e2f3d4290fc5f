// Questions to the journal. It must never give a row that cannot be read as if it were empty.

import GRDB
import Interfaces
import NodeModel
import Wire

extension JobJournal {
    typealias Record = AggregatorInterface.Record

    /// Ends what a dead process left running; gives their number.
    ///
    /// - Parameter own: what is known of this node's own jobs among them.
    func recover(at: Int64, own: OwnBookings = OwnBookings()) async throws -> Int {
        try await database.write { try JournalWriting.recover($0, at: at, own: own) }
    }

    /// Jobs that a dead process was running here for this node's people, and of which no receipt is kept: they may be booked.
    func unfinishedOwn() async throws -> [JobID] {
        try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT job FROM jobs WHERE served = 0 AND side = 'local' AND state NOT IN \(JournalWriting.finals)
                    AND NOT EXISTS (SELECT 1 FROM receipts WHERE receipts.job = jobs.job AND receipts.served = 0)
                    """
            ).compactMap { JobID($0) }
        }
    }

    /// What is known of providers.
    func experiences() async throws -> [PublicKey: Experience] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT * FROM experience ORDER BY at DESC LIMIT ?",
                arguments: [ExperienceBook.capacity])
            var known: [PublicKey: Experience] = [:]
            for row in rows {
                guard let provider = PublicKey(hex: row["provider"]) else { continue }
                known[provider] = Experience(good: row["good"], bad: row["bad"], at: row["at"])
            }
            return known
        }
    }

    /// How often whose answers are checked.
    func verifications() async throws -> [VerificationBook.Key: VerificationRate] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT * FROM verification ORDER BY at DESC LIMIT ?",
                arguments: [VerificationBook.capacity])
            var known: [VerificationBook.Key: VerificationRate] = [:]
            for row in rows {
                guard let provider = PublicKey(hex: row["provider"]),
                    let model = ContentRoot(hex: row["model"])
                else { continue }
                known[VerificationBook.Key(provider: provider, model: model)] = VerificationRate(
                    consecutive: row["consecutive"], at: row["at"])
            }
            return known
        }
    }

    /// The last jobs, newest first.
    func records(limit: Int) async throws -> [Record] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT ?", arguments: [limit]
            ).compactMap(JournalReading.record)
        }
    }

    /// One job and its steps; the side that asked comes before the side that served.
    func job(_ job: JobID) async throws -> (record: Record, steps: [AggregatorInterface.Job.Step])? {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT * FROM jobs WHERE job = ? ORDER BY served", arguments: [job.text])
            guard let record = rows.compactMap(JournalReading.record).first else { return nil }
            let steps = try Row.fetchAll(
                db, sql: "SELECT state, reason, at FROM steps WHERE job = ? AND served = ? ORDER BY id",
                arguments: [job.text, record.side == .provider])
            return (record, steps.compactMap(JournalReading.step))
        }
    }

    /// Whether a job is known.
    func knows(_ key: JobKey) async throws -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT 1 FROM jobs WHERE job = ? AND served = ?",
                arguments: [key.job.text, key.served])
                ?? false
        }
    }

    /// A job's receipt, or the last one.
    func receipt(_ job: JobID?, served: Bool? = nil) async throws -> ReceiptBundle? {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT receipt, acceptance FROM receipts WHERE (?1 IS NULL OR job = ?1) AND (?2 IS NULL OR served = ?2)
                    ORDER BY at DESC, served, rowid DESC LIMIT 1
                    """, arguments: [job?.text, served])
            return try row.map { row in
                let acceptance: String? = row["acceptance"]
                return ReceiptBundle(
                    receipt: try JournalJSON.event(row["receipt"]),
                    acceptance: try acceptance.map(JournalJSON.event))
            }
        }
    }

    /// What is owed, the most urgent first.
    func outbox(limit: Int) async throws -> [OutboxRow] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM outbox ORDER BY next_at LIMIT ?", arguments: [limit])
                .compactMap { row in
                    guard let key = JournalReading.key(row), let provider = PublicKey(hex: row["provider"])
                    else {
                        return nil
                    }
                    return OutboxRow(
                        key: key, provider: provider, endpoint: row["endpoint"], attempts: row["attempts"],
                        nextAt: row["next_at"])
                }
        }
    }

    /// Jobs of this node's people whose receipts are kept and will still be accepted.
    func owed() async throws -> [JobID] {
        try await read { db in
            try String.fetchAll(db, sql: "SELECT job FROM outbox WHERE served = 0").compactMap { JobID($0) }
        }
    }

    private func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        // Who asks sees all that was said before; a disk that takes nothing keeps nobody from reading.
        if isWaiting { try? await commit() }
        do { return try await database.read(body) } catch { throw Self.explain(error) }
    }
}

enum JournalReading {
    static func key(_ row: Row) -> JobKey? {
        JobID(row["job"] as String).map { JobKey(job: $0, served: row["served"]) }
    }

    static func step(_ row: Row) -> AggregatorInterface.Job.Step? {
        guard let state = AggregatorInterface.State(rawValue: row["state"]) else { return nil }
        return AggregatorInterface.Job.Step(state: state, reason: row["reason"], at: row["at"])
    }

    static func record(_ row: Row) -> AggregatorInterface.Record? {
        guard let key = key(row), let state = AggregatorInterface.State(rawValue: row["state"]),
            let side = AggregatorInterface.Side(rawValue: row["side"])
        else { return nil }
        var usage: Usage?
        var timings: StageTimings?
        if let prompt: Int64 = row["prompt_tokens"], let completion: Int64 = row["completion_tokens"] {
            usage = Usage(promptTokens: prompt, completionTokens: completion)
            timings = StageTimings(
                queueMs: row["queue_ms"] ?? 0, loadMs: row["load_ms"] ?? 0,
                firstTokenMs: row["first_token_ms"] ?? 0,
                generateMs: row["generate_ms"] ?? 0)
        }
        let peer: String? = row["peer"]
        let asset: String? = row["asset"]
        return AggregatorInterface.Record(
            job: key.job, side: side, state: state, reason: row["reason"], fix: row["fix"],
            model: row["model"],
            peer: peer.flatMap { PublicKey(hex: $0) }, createdAt: row["created_at"],
            updatedAt: row["updated_at"],
            usage: usage, timings: timings, price: row["price"], asset: asset.map(Asset.init(rawValue:)),
            quote: row["quote"])
    }
}
