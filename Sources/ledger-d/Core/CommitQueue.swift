// Group commit: what waits while the disk is busy goes to disk together. Each piece of work succeeds or fails alone;
// it may be done twice, the first time undone, so that it must have no effect but on the database.
// It must never answer before the commit, nor let one piece's failure undo another's.

import GRDB
import NIOConcurrencyHelpers
import Nostr

/// Runs pieces of work in as few commits as they come in.
final class CommitQueue: Sendable {
    /// The most pieces of one commit: enough to hide the disk, little enough to stay below a few milliseconds.
    private static let largestGroup = 256

    private struct Job: Sendable {
        let work: @Sendable (Database) throws -> Void
        /// Called once, after the commit or with what prevented it.
        let finish: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var waiting: [Job] = []
        var isRunning = false
    }

    private let pool: DatabasePool
    private let key: SecretKey
    let reach: (@Sendable (LedgerStep) -> Void)?
    private let state = NIOLockedValueBox(State())

    init(_ pool: DatabasePool, key: SecretKey, reach: (@Sendable (LedgerStep) -> Void)?) {
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
            let starts = state.withLockedValue { state in
                state.waiting.append(job)
                defer { state.isRunning = true }
                return !state.isRunning
            }
            if starts { pool.asyncWriteWithoutTransaction { db in self.drain(db) } }
        }
    }

    private func drain(_ db: Database) {
        while let group = next() {
            let outcomes: [(any Error)?]
            do { outcomes = try commit(group, db) } catch {
                // The commit itself failed: nothing of the group happened.
                for job in group { job.finish(error) }
                continue
            }
            for (job, error) in zip(group, outcomes) { job.finish(error) }
        }
    }

    private func next() -> [Job]? {
        state.withLockedValue { state in
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return nil
            }
            let group = Array(state.waiting.prefix(Self.largestGroup))
            state.waiting.removeFirst(group.count)
            return group
        }
    }

    /// What each piece came to, in one transaction if nothing has to be undone.
    ///
    /// - Throws: what kept the transaction from the disk: then nothing of it happened.
    private func commit(_ group: [Job], _ db: Database) throws -> [(any Error)?] {
        // Savepoints would undo a piece alone, but SQLite copies each page that a piece changes for them, to a file
        // from the seventeenth on: they took more time than the work.
        do { return try together(group, db) } catch is HalfDone {
            return group.map { job in
                do {
                    _ = try together([job], db)
                    return nil
                } catch { return error }
            }
        }
    }

    /// A piece failed after it had written something, and stands beside others.
    private struct HalfDone: Error {}

    private func together(_ group: [Job], _ db: Database) throws -> [(any Error)?] {
        var outcomes: [(any Error)?] = []
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
            return .commit
        }
        reach?(.committed)
        return outcomes
    }
}
