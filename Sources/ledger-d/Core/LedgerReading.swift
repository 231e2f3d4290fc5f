// What people ask the ledger: balances and the last transfers.
// It must never write.

import FoundationEssentials
import GRDB
import Interfaces
import NodeModel
import Wire

extension Ledger {
    /// The totals of each asset, and the chain's head.
    func balance() async throws -> LedgerInterface.Balance.Reply {
        try await reading { db in
            let head = try Row.fetchOne(
                db, sql: "SELECT sequence, hash FROM link ORDER BY sequence DESC LIMIT 1")
            return LedgerInterface.Balance.Reply(
                totals: try Self.totals(db), transfers: head?["sequence"] ?? 0,
                chainHead: Hex.encode(head.map { row in Array(row["hash"] as Data) } ?? ChainEntry.genesis))
        }
    }

    /// From one asset to the next, so that it takes as many steps as there are assets.
    private static func totals(_ db: Database) throws -> [LedgerInterface.Balance.Total] {
        var totals: [Asset: LedgerInterface.Balance.Total] = [:]
        for name in ["earn", "spend"] {
            var last = ""
            while let next = try String.fetchOne(
                db, sql: "SELECT min(asset) FROM total WHERE name = ? AND asset > ?", arguments: [name, last])
            {
                last = next
                let amount = try Int64.fetchOne(
                    db,
                    sql:
                        "SELECT amount FROM total WHERE name = ? AND asset = ? ORDER BY transfer DESC LIMIT 1",
                    arguments: [name, next])
                let asset = Asset(rawValue: next)
                var total = totals[asset] ?? .init(asset: asset, earned: 0, spent: 0)
                // Its accounts are those that give: what was earned stands below zero.
                if name == "earn" { total.earned = -(amount ?? 0) } else { total.spent = amount ?? 0 }
                totals[asset] = total
            }
        }
        let credits = totals.removeValue(forKey: .testCredit)
        return [credits ?? .init(asset: .testCredit, earned: 0, spent: 0)]
            + totals.values.sorted { $0.asset.rawValue < $1.asset.rawValue }
    }

    /// The last transfers, newest first; or those that follow a place in the chain, oldest first.
    ///
    /// - Parameters:
    ///   - limit: 1 to 1,000.
    ///   - after: a sequence number, from 0 on.
    func history(limit: Int, after: Int64? = nil) async throws -> [LedgerInterface.History.Transfer] {
        guard (1...1_000).contains(limit) else {
            throw WireError(.invalidParams, "'limit' must be from 1 to 1000, not \(limit).")
        }
        return try await reading { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT transfer.sequence, transfer.at, transfer.kind, transfer.asset, operation.job,
                        (SELECT account FROM posting AS p WHERE p.transfer = transfer.sequence
                            ORDER BY amount DESC, account = 'wallet', account DESC LIMIT 1) AS debit,
                        (SELECT account FROM posting AS p WHERE p.transfer = transfer.sequence
                            ORDER BY amount, account <> 'wallet', account LIMIT 1) AS credit,
                        (SELECT max(amount) FROM posting AS p WHERE p.transfer = transfer.sequence) AS amount
                    FROM transfer JOIN operation ON operation.id = transfer.operation
                    WHERE transfer.sequence > ? ORDER BY transfer.sequence \(after == nil ? "DESC" : "ASC") LIMIT ?
                    """, arguments: [after ?? 0, limit]
            ).map { row in
                let (kind, amount) = (row["kind"] as String, row["amount"] as Int64)
                // Amounts tell debit from credit; where nothing was paid, the query takes it for spending.
                let turned = amount == 0 && kind == Operation.Kind.earn.rawValue
                return LedgerInterface.History.Transfer(
                    sequence: row["sequence"], at: row["at"], operation: kind, job: JobID(row["job"]),
                    debit: row[turned ? "credit" : "debit"], credit: row[turned ? "debit" : "credit"],
                    asset: Asset(rawValue: row["asset"]), amount: amount)
            }
        }
    }

    /// Whether nothing was ever done.
    func isEmpty() async throws -> Bool {
        try await reading { db in try Row.fetchOne(db, sql: "SELECT 1 FROM operation LIMIT 1") == nil }
    }

    /// Gives back the pages and statements that its connections keep.
    func rest() async {
        pool.releaseMemoryEventually()
        // The writer does one thing after the other.
        _ = try? await pool.writeWithoutTransaction { db in db.releaseMemory() }
    }

    func reading<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        do { return try await pool.read(body) } catch let error as DatabaseError {
            throw LedgerFailure.reading(error)
        }
    }
}
