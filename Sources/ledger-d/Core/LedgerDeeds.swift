// Deeds on the ledger: done once, refused when there is not enough, paid or given back at most once.
// It must never compute a balance from what it remembers: the schema keeps balances, and refuses an overdraft itself.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// What a deed left behind, now or when it was first done.
    struct DeedOutcome: Sendable, Equatable {
        /// Its transfer's place in the chain.
        var sequence: Int64
        /// Whether it had been done before.
        var repeated: Bool
    }

    /// Does a deed once. The same deed under the same id again gives what the first one gave.
    ///
    /// - Parameters:
    ///   - id: the caller's id of the operation.
    ///   - at: Unix milliseconds.
    /// - Throws: `.conflict` when the id was used for something else or the reservation is closed, `.policyRefused`
    ///   when there is not enough, `.notFound` for an unknown reservation.
    func perform(_ deed: Deed, id: String, at: Int64) async throws -> DeedOutcome {
        do {
            return try await commits.write { writer in
                try Self.perform(deed, id: id, at: at, writer)
            }
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }

    /// The same inside a transaction. Whatever is refused is refused before the first write.
    static func perform(_ deed: Deed, id: String, at: Int64, _ writer: LedgerWriter) throws -> DeedOutcome {
        try deed.check(id: id)
        let payload = try deed.canonical()
        let operation = Deed.operation(id)
        if let earlier = try earlier(operation, payload: payload, writer.db) { return earlier }
        let held = try held(deed, writer.db)
        try writer.insert(
            "operation",
            ["id": operation, "kind": deed.kind.rawValue, "job": "", "at": at, "payload": Data(payload)])
        if !deed.reservation.isEmpty {
            try writer.insert(
                "closing", ["reservation": Deed.operation(deed.reservation), "operation": operation])
        }
        let sequence = try writer.append(
            TransferDraft(
                operation: operation, kind: deed.kind.rawValue, at: at, asset: deed.asset, payload: payload,
                postings: deed.postings(id: id, held: held)))
        return DeedOutcome(sequence: sequence, repeated: false)
    }

    /// What an account holds now.
    func balance(of account: String, _ asset: Asset) async throws -> Int64 {
        try await reading { db in try Self.balance(account, asset, db) }
    }

    private static func earlier(_ id: String, payload: [UInt8], _ db: Database) throws -> DeedOutcome? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT operation.payload, transfer.sequence FROM operation
                        LEFT JOIN transfer ON transfer.operation = operation.id WHERE operation.id = ?
                        """), arguments: [id])
        else { return nil }
        guard row["payload"] as Data? == Data(payload), let sequence: Int64 = row["sequence"] else {
            throw WireError(
                .conflict, "'\(id.dropFirst(5))' was done before, with other contents.",
                fix: "Use a new id for a new operation.")
        }
        return DeedOutcome(sequence: sequence, repeated: true)
    }

    /// What its reservation holds, once all that must be there is; zero for deeds without one.
    private static func held(_ deed: Deed, _ db: Database) throws -> Int64 {
        switch deed.kind {
        case .deposit: return 0
        case .reserve, .withdraw:
            try cover(deed, db)
            return 0
        case .void: return try open(deed, db)
        case .post:
            let held = try open(deed, db)
            guard deed.amount <= held else {
                throw WireError(
                    .policyRefused,
                    "\(deed.amount) is more than the \(held) that '\(deed.reservation)' set aside.",
                    fix: "Post at most what was reserved.")
            }
            return held
        }
    }

    /// Test credits may be owed; everything else must be there.
    private static func cover(_ deed: Deed, _ db: Database) throws {
        guard deed.asset != .testCredit else { return }
        let available = try balance(deed.home, deed.asset, db)
        guard deed.amount <= available else {
            throw WireError(
                .policyRefused,
                "\(deed.amount) of \(deed.asset.rawValue) is more than the \(available) there is.",
                fix: "Deposit more, or wait until what is set aside comes back.")
        }
    }

    /// What an open reservation of the same asset holds.
    private static func open(_ deed: Deed, _ db: Database) throws -> Int64 {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT transfer.asset, operation.payload, closing.operation AS closed FROM operation
                    JOIN transfer ON transfer.operation = operation.id
                    LEFT JOIN closing ON closing.reservation = operation.id
                    WHERE operation.id = ? AND operation.kind = 'reserve'
                    """), arguments: [Deed.operation(deed.reservation)])
        guard let row else {
            throw WireError(.notFound, "There is no reservation '\(deed.reservation)'.")
        }
        if let closed: String = row["closed"] {
            throw WireError(.conflict, "'\(deed.reservation)' was closed by '\(closed.dropFirst(5))'.")
        }
        let reserved = try CanonicalJSON.decode(Deed.self, from: row["payload"] as Data)
        guard reserved.asset == deed.asset, reserved.account == deed.account,
            deed.kind == .void || reserved.party == deed.party
        else {
            throw WireError(
                .policyRefused,
                "'\(deed.reservation)' was set aside in another asset or account, or for another party.")
        }
        return try balance(Deed.held(deed.reservation), deed.asset, db)
    }

    static func balance(_ account: String, _ asset: Asset, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT amount FROM balance WHERE account = ? AND asset = ? ORDER BY transfer DESC LIMIT 1
                    """), arguments: [account, asset.rawValue]) ?? 0
    }
}
