// How a run ended, and the one row that says so. It must never hold a word of prompt or answer.

import GRDB
import NodeModel

/// The end of a run.
struct RunEnd: Sendable {
    enum State: String, Sendable { case done, failed, cancelled, interrupted }

    /// Which run it was: one that was begun in the record, or one that is written down only now.
    enum Run: Sendable {
        case begun(Int64)
        /// - Parameter at: when it began, in Unix milliseconds.
        case unwritten(JobID, ContentRoot, at: Int64)
    }

    /// Ended runs that are kept.
    static let kept = 10_000

    let run: Run
    let state: State
    let reason: String
    let usage: Usage?

    /// - Parameter now: Unix milliseconds.
    func write(_ db: Database, at now: Int64) throws {
        let (prompt, completion) = (usage?.promptTokens ?? 0, usage?.completionTokens ?? 0)
        let id: Int64
        switch run {
        case .begun(let begun):
            id = begun
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = ?, reason = ?, ended_at = ?, prompt_tokens = ?, completion_tokens = ?
                    WHERE id = ?
                    """
            ).execute(arguments: [state.rawValue, reason, now, prompt, completion, id])
        case .unwritten(let job, let model, let began):
            try db.cachedStatement(
                sql: """
                    INSERT INTO runs
                        (job, model, state, reason, started_at, ended_at, prompt_tokens, completion_tokens)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(
                arguments: [job.text, model.hex, state.rawValue, reason, began, now, prompt, completion])
            id = db.lastInsertedRowID
        }
        // Old ones go in bundles: looking for them each time would cost as much as the row itself.
        guard id % 64 == 0 else { return }
        try db.cachedStatement(sql: "DELETE FROM runs WHERE id <= ? AND state <> 'running'")
            .execute(arguments: [id - Int64(Self.kept)])
    }
}
