// exec-d's own record: which runs were begun, how each ended, and which sealed payloads were ever opened.
// It must never hold a prompt or an answer, nor let one sealed payload be run twice.

import Dispatch
import FoundationEssentials
import GRDB
import NodeModel
import Synchronization
import Wire

/// The runs of this node, in SQLite.
final class RunStore: Sendable {
    /// A run that was begun.
    struct Row: Hashable, Sendable {
        let job: String
        let model: String
        let state: String
        let reason: String
        let promptTokens: Int64
        let completionTokens: Int64
    }

    private let path: String
    private let opened = Mutex<DatabaseQueue?>(nil)
    private let line = Mutex(Line())

    /// How long ends are gathered after a commit: nobody waits for them, and a busy node has hundreds in a second.
    private static let pause = Duration.milliseconds(20)

    private struct Line {
        var waiting: [RunEnd] = []
        /// Whether what waits is being written, or will be.
        var isWriting = false
        /// Until when the next commit waits for more.
        var quiet = ContinuousClock.now
        var failure: WireError?
    }

    /// Nothing is opened yet, so that a full disk degrades the daemon instead of ending it.
    init(path: String) {
        self.path = path
    }

    /// Opens the database if need be, and marks runs of an earlier life as interrupted.
    /// - Returns: how many there were.
    /// - Throws: `disk_full`, `corrupt` or `internal_error`, with a fix.
    func recover() async throws -> Int {
        try await write { db in
            try db.execute(
                sql:
                    "UPDATE runs SET state = 'interrupted', reason = ?, ended_at = ? WHERE state = 'running'",
                arguments: ["exec-d was restarted", Self.now])
            return db.changesCount
        }
    }

    /// Records that a run of a sealed payload begins.
    /// - Parameter seal: names the payload.
    /// - Throws: `conflict` when that payload was run before: its answer's pieces would be sealed with the same
    ///   nonces again.
    func begin(_ job: JobID, model: ContentRoot, seal: Digest) async throws -> Int64 {
        try await write { db in
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO seals (id, at) VALUES (?, ?)")
                .execute(arguments: [Data(seal.bytes), Self.now])
            guard db.changesCount == 1 else {
                throw WireError(
                    .conflict, "This sealed job was run already, and a sealed job runs once.",
                    fix: "Seal the request again, with a fresh content key.")
            }
            try db.cachedStatement(
                sql:
                    "INSERT INTO runs (job, model, state, reason, started_at) VALUES (?, ?, 'running', '', ?)"
            ).execute(arguments: [job.text, model.hex, Self.now])
            return db.lastInsertedRowID
        }
    }

    /// Puts a run's end in line to be written; returns at once. Ends that come together go to disk together.
    func note(_ end: RunEnd) {
        let wait = line.withLock { line -> Duration? in
            line.waiting.append(end)
            guard !line.isWriting else { return nil }
            line.isWriting = true
            return line.quiet - .now
        }
        if let wait { writeLine(after: wait) }
    }

    private func writeLine(after wait: Duration) {
        guard wait > .zero else { return writeLine() }
        let microseconds = Int(wait / .microseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(microseconds)) { self.writeLine() }
    }

    private func writeLine() {
        do { try queue().asyncWriteWithoutTransaction { self.drain($0) } } catch {
            line.withLock { line in
                line.isWriting = false
                line.waiting = []
            }
            failed(error)
        }
    }

    /// Writes what is in line now; what keeps it from the disk is told by ``failure``.
    func settle() async { try? await queue().writeWithoutTransaction { db in self.empty(db) } }

    /// Why the last end could not be written, when it could not.
    var failure: WireError? { line.withLock { $0.failure } }

    /// Tries whether the record can be written.
    func probe() async throws {
        try await write { db in try db.execute(sql: "PRAGMA user_version = 1") }
        line.withLock { $0.failure = nil }
    }

    private func drain(_ db: Database) {
        empty(db)
        let more = line.withLock { line in
            line.isWriting = !line.waiting.isEmpty
            return line.isWriting
        }
        if more { writeLine(after: Self.pause) }
    }

    private func empty(_ db: Database) {
        let ends = line.withLock { line in
            defer { line.waiting = [] }
            return line.waiting
        }
        guard !ends.isEmpty else { return }
        do {
            try db.inTransaction(.immediate) {
                for end in ends { try end.write(db, at: Self.now) }
                return .commit
            }
            line.withLock { $0.failure = nil }
        } catch { failed(error) }
        line.withLock { $0.quiet = .now + Self.pause }
    }

    private func failed(_ error: any Error) {
        let problem = (error as? DatabaseError).map(explain) ?? WireError.wrapping(error)
        line.withLock { $0.failure = problem }
    }

    /// The last runs, newest first.
    func last(_ count: Int) async throws -> [Row] {
        await settle()
        return try await write { db in
            try GRDB.Row.fetchAll(db, sql: "SELECT * FROM runs ORDER BY id DESC LIMIT ?", arguments: [count])
                .map {
                    Row(
                        job: $0["job"], model: $0["model"], state: $0["state"], reason: $0["reason"],
                        promptTokens: $0["prompt_tokens"], completionTokens: $0["completion_tokens"])
                }
        }
    }

    // MARK: The database

    private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    private func write<Value: Sendable>(_ work: @escaping @Sendable (Database) throws -> Value) async throws
        -> Value
    {
        do { return try await queue().write(work) } catch let error as DatabaseError { throw explain(error) }
    }

    /// Gives back the pages and statements that its connection keeps.
    func rest() async {
        guard let queue = opened.withLock({ $0 }) else { return }
        _ = try? await queue.writeWithoutTransaction { db in db.releaseMemory() }
    }

    private func queue() throws -> DatabaseQueue {
        try opened.withLock { opened in
            if let opened { return opened }
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = "runs"
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(queue)
            // What was sealed must be known after a power cut, or nonces could be used again. GRDB sets NORMAL for WAL
            // once the database is open, so that only what is read back counts.
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = FULL")
                guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                    throw WireError(
                        .internalError, "SQLite does not keep 'synchronous = FULL' for exec-d's runs.")
                }
            }
            opened = queue
            return queue
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("runs") { db in
            try db.execute(
                sql: """
                    CREATE TABLE runs (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        job TEXT NOT NULL,
                        model TEXT NOT NULL,
                        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
                        reason TEXT NOT NULL,
                        started_at INTEGER NOT NULL,
                        ended_at INTEGER,
                        prompt_tokens INTEGER NOT NULL DEFAULT 0,
                        completion_tokens INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE INDEX runs_running ON runs (state) WHERE state = 'running';
                    CREATE TABLE seals (id BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                    """)
        }
        // SQLite makes a table of its own for an IN of more than two words, every time a row is written.
        migrator.registerMigration("a cheaper rule") { db in
            try db.execute(
                sql: """
                    CREATE TABLE runs_2 (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        job TEXT NOT NULL,
                        model TEXT NOT NULL,
                        state TEXT NOT NULL CHECK (CASE state WHEN 'running' THEN 1 WHEN 'done' THEN 1
                            WHEN 'failed' THEN 1 WHEN 'cancelled' THEN 1 WHEN 'interrupted' THEN 1 ELSE 0 END),
                        reason TEXT NOT NULL,
                        started_at INTEGER NOT NULL,
                        ended_at INTEGER,
                        prompt_tokens INTEGER NOT NULL DEFAULT 0,
                        completion_tokens INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    INSERT INTO runs_2 SELECT * FROM runs;
                    DROP TABLE runs;
                    ALTER TABLE runs_2 RENAME TO runs;
                    CREATE INDEX runs_running ON runs (state) WHERE state = 'running';
                    """)
        }
        return migrator
    }

    private func explain(_ error: DatabaseError) -> WireError {
        switch error.resultCode {
        case .SQLITE_FULL:
            return WireError(
                .diskFull, "exec-d cannot record the run: the disk that holds \(path) is full.",
                fix: "Make room on it.",
                retryAfterMs: 10_000)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return WireError(
                .corrupt, "exec-d's record of runs is damaged: \(path).",
                fix:
                    "Stop the node, move this file away, and start it again. Sealed jobs of the past could then be repeated.",
                cause: error.message)
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_PERM:
            return WireError(
                .unavailable, "exec-d cannot use its record of runs, \(path).",
                fix: "Let exec-d's user write to its state directory, and see that the disk is not full.",
                cause: error.message)
        default:
            return WireError(.internalError, "exec-d's record of runs failed.", cause: error.message)
        }
    }
}
