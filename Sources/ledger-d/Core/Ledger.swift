// The append-only double-entry ledger in SQLite: one transaction an operation, on disk before it is answered.
// It must never change or remove a row, nor do one operation twice.

import DaemonKit
import FoundationEssentials
import GRDB
import NodeModel
import Nostr
import Wire

/// The ledger of one node.
final class Ledger: Sendable {
    static let fileName = "ledger.db"

    /// What an operation left behind, now or when it was first done.
    struct Outcome: Sendable, Equatable {
        var receipt: SignedEvent
        var acceptance: SignedEvent?
        /// Whether it had been done before.
        var repeated: Bool
    }

    let pool: DatabasePool
    let commits: CommitQueue

    /// Opens the ledger of a key, making it when there is none.
    ///
    /// - Parameters:
    ///   - key: whose ledger it is; signs the head of each day.
    ///   - reach: called at every boundary between two effects; tests kill the process there.
    /// - Throws: `StartFailure` when the file is no ledger, belongs to another key, or its chain is broken.
    init(path: String, key: SecretKey, reach: (@Sendable (LedgerStep) -> Void)? = nil) throws {
        do {
            var configuration = Configuration()
            configuration.label = "ledger"
            configuration.busyMode = .timeout(5)
            // Checks read every few seconds: a connection that was closed to save memory would be opened again at once.
            configuration.persistentReadOnlyConnections = true
            // With recursive triggers, INSERT OR REPLACE too meets the trigger that forbids deleting. A checkpoint is two
            // flushes more: after a thousand pages, as SQLite would have it, that was every third group of 64 deeds.
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA recursive_triggers = ON; PRAGMA wal_autocheckpoint = 4000;")
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            try Self.makeDurable(pool)
            try LedgerSchema.migrator.migrate(pool)
        } catch let error as DatabaseError {
            throw Self.startFailure(error, path)
        }
        commits = CommitQueue(pool, key: key, reach: reach)
        try claim(key.publicKey, path)
        do { try pool.read { db in try Self.verifyHead(db) } } catch {
            throw StartFailure(
                .config, "The ledger's chain does not hold: \(error).",
                fix: "Keep \(path)* for examination and restore the last backup.")
        }
    }

    /// The pool resets `synchronous` to NORMAL when it opens, so that FULL is set afterwards and read back.
    private static func makeDurable(_ pool: DatabasePool) throws {
        let (journal, synchronous) = try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            return (
                try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(db, sql: "PRAGMA synchronous")
            )
        }
        guard journal == "wal", synchronous == 2 else {
            throw StartFailure(
                .config,
                "SQLite took no durable mode (journal \(journal ?? "?"), synchronous \(synchronous ?? -1)).",
                fix: "Put the state directory on a local file system that supports shared memory.")
        }
    }

    /// Ties a new ledger to the node's key, and refuses the ledger of another.
    private func claim(_ node: PublicKey, _ path: String) throws {
        let owner = try pool.write { db in
            try db.execute(
                sql: "INSERT OR IGNORE INTO node (singleton, pubkey) VALUES (1, ?)", arguments: [node.hex])
            return try Self.owners(db).last
        }
        guard owner == node.hex else {
            throw StartFailure(
                .config, "\(path) is the ledger of \(owner ?? "nobody"), but the key is \(node.hex).",
                fix: "Restore the node.key that belongs to this ledger, or move the ledger away.")
        }
    }

    private static func startFailure(_ error: DatabaseError, _ path: String) -> StartFailure {
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY:
            StartFailure(
                .failed, "\(path) cannot be opened: \(error.message ?? "").", fix: "Free some disk space.")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM:
            StartFailure(
                .config, "\(path) cannot be opened: \(error.message ?? "").",
                fix: "See that ledger-d's user owns its state directory.")
        default:
            StartFailure(
                .config, "\(path) is not a sound ledger: \(error.message ?? "").",
                fix: "Keep the file for examination and restore the last backup.")
        }
    }

    /// Does an operation once. A replay gives what the first one gave.
    ///
    /// - Parameters:
    ///   - operation: what is done; its id decides whether it was done before.
    ///   - body: the receipt's body; its price is what moves.
    ///   - at: Unix milliseconds.
    ///   - limit: the ceilings, for spending.
    ///   - events: makes the receipt and acceptance to be stored; called the first time only, in the
    ///     transaction.
    /// - Throws: `.conflict` when the id was used with another receipt, `.policyRefused` beyond a ceiling.
    func perform(
        _ operation: Operation, body: ReceiptBody, receiptID: String, at: Int64, limit: SpendingLimit? = nil,
        events: @escaping @Sendable () throws -> (receipt: SignedEvent, acceptance: SignedEvent?)
    ) async throws -> Outcome {
        do {
            return try await commits.write { writer in
                let db = writer.db
                if let earlier = try Self.earlier(operation, receiptID: receiptID, db) { return earlier }
                let asset = body.unitPrice.asset
                // What was promised by a voucher was within the ceilings then.
                if let limit, asset == .testCredit {
                    try limit.check(
                        price: body.price, spentToday: try Self.spent(asset, onDayOf: at, db),
                        spentOnPeer: try Self.spent(
                            asset, onDayOf: at, account: operation.accounts(asset)?.debit, db))
                }
                // What was signed before jobs were written down is answered above.
                if operation.kind == .issue, operation.client != operation.provider {
                    try Self.requireTaken(body, db)
                }
                let charged = try Self.charged(operation, body, db)
                let made = try events()
                try Self.requireQuote(made.receipt, operation, charged, db)
                try Self.record(operation, made, at: at, writer)
                if let charged { try Self.charge(charged, operation, body, at: at, writer) }
                try Self.book(operation, body, made, at: at, writer)
                return Outcome(receipt: made.receipt, acceptance: made.acceptance, repeated: false)
            }
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }

    /// What an operation left behind when it was done with this receipt.
    static func earlier(_ operation: Operation, receiptID: String, _ db: Database) throws -> Outcome? {
        guard let earlier = try earlier(operation, db) else { return nil }
        guard earlier.receipt.id == receiptID else {
            throw WireError(
                .conflict, "'\(operation.id)' was done with another receipt (\(earlier.receipt.id)).",
                fix: "A job has one receipt; use a new job id for new work.")
        }
        return earlier
    }

    static func earlier(_ operation: Operation, _ db: Database) throws -> Outcome? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT receipt, acceptance FROM operation WHERE id = ?"),
                arguments: [operation.id])
        else { return nil }
        let acceptance: String? = row["acceptance"]
        return Outcome(
            receipt: try event(row["receipt"], db), acceptance: try acceptance.map { try event($0, db) },
            repeated: true)
    }

    static func event(_ id: String, _ db: Database) throws -> SignedEvent {
        guard
            let json = try Data.fetchOne(
                db.cachedStatement(sql: "SELECT json FROM event WHERE id = ?"), arguments: [id])
        else {
            throw WireError(.corrupt, "The ledger has lost the event \(id).", fix: "Restore the last backup.")
        }
        return try CanonicalJSON.decode(SignedEvent.self, from: json)
    }

    /// Moves what a receipt states between an operation's accounts, where it has any.
    static func book(
        _ operation: Operation, _ body: ReceiptBody, _ made: (receipt: SignedEvent, acceptance: SignedEvent?),
        at: Int64, _ writer: LedgerWriter
    ) throws {
        let asset = body.unitPrice.asset
        guard let accounts = operation.accounts(asset) else { return }
        let postings = [
            ChainEntry.Posting(account: accounts.debit, amount: body.price),
            ChainEntry.Posting(account: accounts.credit, amount: -body.price),
        ]
        try writer.append(
            TransferDraft(
                operation: operation.id, kind: operation.kind.rawValue, job: operation.job.text, at: at,
                asset: asset, receipt: made.receipt.id, acceptance: made.acceptance?.id ?? "",
                postings: postings))
    }

    static func record(
        _ operation: Operation, _ made: (receipt: SignedEvent, acceptance: SignedEvent?), at: Int64,
        _ writer: LedgerWriter
    ) throws {
        for event in [made.receipt, made.acceptance].compactMap({ $0 }) { try writer.store(event) }
        try writer.insert(
            "operation",
            [
                "id": operation.id, "kind": operation.kind.rawValue, "job": operation.job.text, "at": at,
                "receipt": made.receipt.id, "acceptance": made.acceptance?.id,
            ])
    }

    /// What was spent on the day (UTC) of `at`: on one peer's account, or on all.
    static func spent(
        _ asset: Asset, onDayOf at: Int64, account: String? = nil, _ db: Database
    ) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT amount FROM spending WHERE account = ? AND asset = ? AND day = ?
                    ORDER BY transfer DESC LIMIT 1
                    """),
            arguments: [account ?? "", asset.rawValue, at / 86_400_000]) ?? 0
    }
}
