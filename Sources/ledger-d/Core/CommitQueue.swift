// Group commit: what waits while the disk is busy goes to disk together. Each piece of work succeeds or fails alone;
// it may be done twice, the first time undone, so that it must have no effect but on the database.
// It must never answer before the commit, nor let one piece's failure undo another's.

import GRDB
import NIOConcurrencyHelpers
import Nostr

/// Runs pieces of work in as few commits as they come in.
final class CommitQueue: Sendable {
    /// The longest that a group waits for the callers of the one before, whatever a flush takes.
    private static let longestPatience = Duration.milliseconds(2)

    private struct Job: Sendable {
        let work: @Sendable (Database) throws -> Void
        /// Called once, after the commit or with what prevented it.
        let finish: @Sendable ((any Error)?) -> Void
    }

    private let pool: DatabasePool
    private let key: SecretKey
    let reach: (@Sendable (LedgerStep) -> Void)?
    private let line = CommitLine<Job>()
    private let patience: @Sendable (Duration) -> Duration

    /// - Parameter patience: how long a group waits for the callers of the one before, by how long its flush took.
    init(
        _ pool: DatabasePool, key: SecretKey, reach: (@Sendable (LedgerStep) -> Void)?,
        patience: @escaping @Sendable (Duration) -> Duration = { min($0 / 2, longestPatience) }
    ) {
        self.patience = patience
        self.pool = pool
        self.key = key
        self.reach = reach
    }

    /// Does `body` in a transaction, perhaps together with others; returns when it is on disk.
    func write<T: Sendable>(_ body: @escaping @Sendable (LedgerWriter) throws -> T) async throws -> T {
        let (key, reach) = (key, reach)
        return try await withCheckedThrowingContinuation { continuation in
            let made = NIOLockedValueBox<T?>(nil)
            let job = Job(
                work: { db in
                    let value = try body(LedgerWriter(db: db, key: key, reach: reach))
                    made.withLockedValue { $0 = value }
                },
                finish: { error in
                    if let error { return continuation.resume(throwing: error) }
                    guard let value = made.withLockedValue({ $0 }) else {
                        return continuation.resume(throwing: CancellationError())
                    }
                    continuation.resume(returning: value)
                })
            if line.join(job) { pool.asyncWriteWithoutTransaction { db in self.drain(db) } }
        }
    }

    private func drain(_ db: Database) {
        var (answered, flush) = (0, Duration.zero)
        while let group = line.next(after: answered, patience: patience(flush)) {
            answered = group.count
            let outcomes: [(any Error)?]
            do { outcomes = try commit(group, db, &flush) } catch {
                // The commit itself failed: nothing of the group happened.
                for job in group { job.finish(error) }
                continue
            }
            for (job, error) in zip(group, outcomes) { job.finish(error) }
        }
    }

    /// What each piece came to, in one transaction if nothing has to be undone.
    ///
    /// - Parameter flush: becomes how long the commit itself took.
    /// - Throws: what kept the transaction from the disk: then nothing of it happened.
    private func commit(_ group: [Job], _ db: Database, _ flush: inout Duration) throws -> [(any Error)?] {
        // Savepoints would undo a piece alone, but SQLite copies each page that a piece changes for them, to a file
        // from the seventeenth on: they took more time than the work.
        do { return try together(group, db, &flush) } catch is HalfDone {
            var outcomes: [(any Error)?] = []
            for job in group {
                do {
                    _ = try together([job], db, &flush)
                    outcomes.append(nil)
                } catch { outcomes.append(error) }
            }
            return outcomes
        }
    }

    /// A piece failed after it had written something, and stands beside others.
    private struct HalfDone: Error {}

    private func together(_ group: [Job], _ db: Database, _ flush: inout Duration) throws -> [(any Error)?] {
        var outcomes: [(any Error)?] = []
        var worked = ContinuousClock.now
        try db.inTransaction(.immediate) {
            for job in group {
                let written = db.totalChangesCount
                do {
                    try job.work(db)
                    outcomes.append(nil)
                } catch {
                    // The error of a lone piece undoes the transaction, which is the piece. SQLite gives up the whole
                    // transaction when the disk fails it.
                    guard group.count > 1, db.isInsideTransaction else { throw error }
                    guard db.totalChangesCount == written else { throw HalfDone() }
                    outcomes.append(error)
                }
            }
            reach?(.committing)
            worked = .now
            return .commit
        }
        flush = .now - worked
        reach?(.committed)
        return outcomes
    }
}
