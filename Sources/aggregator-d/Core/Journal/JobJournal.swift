// The journal on disk: SQLite in WAL mode with every commit synced. Entries queue in memory and are written in
// batches by one writer, so that a job's first token waits for no disk. It must never block the event loop.

import Dispatch
import GRDB
import Logging
import Synchronization
import Wire

/// The job journal.
final class JobJournal: Sendable {
    let database: DatabaseQueue
    private let log: Logger
    /// Jobs that are kept.
    private let keep: Int
    private let state = Mutex(State())

    private struct State {
        var pending: [JournalEntry] = []
        var waiters: [CheckedContinuation<Void, any Error>] = []
        var writing = false
        var lingering = false
        var failure: WireError?
        var openedSinceSweep = 0
        /// When a write succeeded last.
        var writtenAt: ContinuousClock.Instant?
    }

    /// Opens the journal, and sets aside a file that is not a database.
    /// - Throws: `WireError` when there can be no journal at `path`.
    init(path: String, keep: Int, log: Logger) throws {
        self.keep = max(1, keep)
        self.log = log
        do { database = try Self.open(path) } catch let error as DatabaseError
            where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
        {
            let aside = "\(path).corrupt-\(WallClock.system.milliseconds())"
            log.error(
                "the job journal is damaged; it was set aside and a new one begun",
                metadata: ["aside": "\(aside)", "error": "\(error)"])
            do {
                try JournalFile.setAside(path, as: aside)
                database = try Self.open(path)
            } catch { throw Self.explain(error) }
        } catch { throw Self.explain(error) }
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "job-journal"
        configuration.busyMode = .timeout(2)
        configuration.maximumReaderCount = 1
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try JournalSchema.migrate(database)
        // GRDB sets NORMAL for WAL once the database is open, which may lose acknowledged receipts in a power cut.
        try database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2,
                try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal"
            else { throw WireError(.internalError, "SQLite does not keep 'synchronous = FULL' in WAL mode.") }
        }
        return database
    }

    /// Why nothing can be written, when nothing can.
    var failure: WireError? { state.withLock { $0.failure } }

    /// Whether entries are in line.
    var isWaiting: Bool { state.withLock { !$0.pending.isEmpty } }

    /// Puts entries in line; returns at once.
    func append(_ entries: JournalEntry...) { enqueue(entries, nil) }

    /// Writes entries, and all before them; returns when they are on disk.
    /// - Throws: `WireError` when they are not; then they never will be.
    func commit(_ entries: [JournalEntry] = []) async throws {
        try await withCheckedThrowingContinuation { enqueue(entries, $0) }
    }

    /// How long the writer waits for more of a job's beginning when nobody waits for it: its steps come together, and
    /// just when its request is on its way to the engine.
    private static let linger = DispatchTimeInterval.milliseconds(5)

    private enum Start { case now, soon, no }

    private func enqueue(_ entries: [JournalEntry], _ waiter: CheckedContinuation<Void, any Error>?) {
        let start = state.withLock { state -> Start in
            state.pending += entries
            if let waiter { state.waiters.append(waiter) }
            if state.writing { return .no }
            if waiter == nil, entries.allSatisfy(\.isPrelude) {
                defer { state.lingering = true }
                return state.lingering ? .no : .soon
            }
            state.writing = true
            return .now
        }
        switch start {
        case .no: return
        case .now: database.asyncWriteWithoutTransaction { self.drain($0) }
        case .soon: beginSoon()
        }
    }

    private func beginSoon() {
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.linger) { self.begin() }
    }

    private func begin() {
        let start = state.withLock { state in
            state.lingering = false
            guard !state.writing, !state.pending.isEmpty else { return false }
            state.writing = true
            return true
        }
        if start { database.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    /// Writes what is in line until nothing is; on the database's own queue.
    private func drain(_ db: Database) {
        var (written, lingers) = (false, false)
        while true {
            let batch = state.withLock {
                state -> (entries: [JournalEntry], waiters: [CheckedContinuation<Void, any Error>])? in
                guard !state.pending.isEmpty || !state.waiters.isEmpty else {
                    state.writing = false
                    return nil
                }
                // Beginnings alone wait here as they do elsewhere: a busy node's go with somebody's end.
                if written, state.waiters.isEmpty, state.pending.allSatisfy(\.isPrelude) {
                    state.writing = false
                    lingers = !state.lingering
                    state.lingering = true
                    return nil
                }
                defer {
                    state.pending = []
                    state.waiters = []
                }
                return (state.pending, state.waiters)
            }
            guard let batch else {
                if lingers { beginSoon() }
                return
            }
            written = true
            do {
                // Without entries it is only a place in line, and says nothing about the disk.
                if !batch.entries.isEmpty {
                    try write(batch.entries, db)
                    state.withLock { state in
                        state.failure = nil
                        state.writtenAt = .now
                    }
                }
                for waiter in batch.waiters { waiter.resume() }
            } catch {
                let failure = Self.explain(error)
                let first = state.withLock { state in
                    defer { state.failure = failure }
                    return state.failure == nil
                }
                if first { log.error("the job journal cannot be written", metadata: ["error": "\(failure)"]) }
                for waiter in batch.waiters { waiter.resume(throwing: failure) }
            }
        }
    }

    private func write(_ entries: [JournalEntry], _ db: Database) throws {
        let opened = entries.count { if case .opened = $0 { true } else { false } }
        try db.inTransaction(.immediate) {
            try JournalWriting.apply(entries, db)
            return .commit
        }
        let due = state.withLock { state in
            state.openedSinceSweep += opened
            guard state.openedSinceSweep >= max(1, min(256, keep / 10)) else { return false }
            state.openedSinceSweep = 0
            return true
        }
        if due {
            try db.inTransaction {
                try JournalWriting.forget(db, keep: keep)
                return .commit
            }
        }
    }

    /// Whether the journal can be written, as the last half minute showed; tried when it showed nothing.
    func check() async -> WireError? {
        let known = state.withLock { state in
            state.failure == nil && (state.writtenAt.map { $0.duration(to: .now) < .seconds(30) } ?? false)
        }
        return known ? nil : await probe()
    }

    /// Tries whether the journal can be written.
    func probe() async -> WireError? {
        do {
            try await commit()
            try await database.write { db in
                try db.execute(sql: "PRAGMA user_version = 1")
            }
            state.withLock { state in
                state.failure = nil
                state.writtenAt = .now
            }
            return nil
        } catch is CancellationError {
            // The asker went away: that says nothing about the disk.
            return failure
        } catch {
            let failure = Self.explain(error)
            state.withLock { $0.failure = failure }
            return failure
        }
    }

    /// Gives back the pages and statements that its connection keeps.
    func rest() async {
        _ = try? await database.writeWithoutTransaction { db in db.releaseMemory() }
    }

    /// Closes the database after what is in line has been written.
    func close() async {
        try? await commit()
        try? database.close()
    }

    static func explain(_ error: any Error) -> WireError {
        guard let error = error as? DatabaseError else { return WireError.wrapping(error) }
        if error.resultCode == .SQLITE_FULL {
            return WireError(
                .diskFull, "The disk is full: the job journal cannot be written.",
                fix: "Free some space where the node keeps its state.", cause: "\(error)")
        }
        return WireError(
            .unavailable, "The job journal cannot be used.",
            fix: "Look at the disk and the rights of the node's state directory.", cause: "\(error)")
    }
}
