// The part of the audit that proves what has no receipt: deeds, kept balances, signed heads.
// It must never take a kept balance on its word: it is compared with the sum of the postings.

import FoundationEssentials
import GRDB
import NodeModel

extension Ledger {
    /// Every deed must be booked exactly as it says, and every closing belong to what it closed.
    static func auditDeeds(_ db: Database, _ report: inout AuditReport) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT operation.id, operation.kind, operation.payload, transfer.sequence, transfer.asset,
                    closing.reservation, reserved.payload AS reserved
                FROM operation LEFT JOIN transfer ON transfer.operation = operation.id
                LEFT JOIN closing ON closing.operation = operation.id
                LEFT JOIN operation AS reserved ON reserved.id = closing.reservation
                WHERE operation.receipt IS NULL
                """)
        while let row = try rows.next() {
            report.operations += 1
            do { try auditDeed(row, db) } catch { report.fault("'\(row["id"] as String)': \(error)") }
        }
    }

    private static func auditDeed(_ row: Row, _ db: Database) throws {
        let deed = try CanonicalJSON.decode(Deed.self, from: row["payload"] as Data)
        let id = String((row["id"] as String).dropFirst(Deed.operation("").count))
        guard row["id"] == Deed.operation(id), row["kind"] == deed.kind.rawValue,
            row["asset"] as String? == deed.asset.rawValue
        else { throw ChainFault(description: "its contents are of another deed") }
        let closed = row["reservation"] as String?
        guard closed == (deed.reservation.isEmpty ? nil : Deed.operation(deed.reservation)) else {
            throw ChainFault(description: "it closes another reservation than it says")
        }
        let reserved = try (row["reserved"] as Data?).map { try CanonicalJSON.decode(Deed.self, from: $0) }
        let due = deed.postings(id: id, held: reserved?.amount ?? 0).sorted { $0.account < $1.account }
        let booked = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT account, amount FROM posting WHERE transfer = ? ORDER BY account"),
            arguments: [row["sequence"] as Int64?]
        ).map { ChainEntry.Posting(account: $0["account"], amount: $0["amount"]) }
        guard booked == due else { throw ChainFault(description: "what was booked is not what it says") }
    }

    static func auditBalances(_ db: Database, _ report: inout AuditReport) throws {
        let wrong = try Row.fetchCursor(
            db,
            sql: """
                SELECT posting.account, posting.transfer FROM posting
                JOIN transfer ON transfer.sequence = posting.transfer
                LEFT JOIN balance ON balance.account = posting.account AND balance.asset = transfer.asset
                    AND balance.transfer = posting.transfer
                WHERE balance.amount IS NOT posting.amount + coalesce(
                    (SELECT earlier.amount FROM balance AS earlier
                        WHERE earlier.account = posting.account AND earlier.asset = transfer.asset
                            AND earlier.transfer < posting.transfer
                        ORDER BY earlier.transfer DESC LIMIT 1), 0)
                """)
        while let row = try wrong.next() {
            report.fault(
                "the balance of '\(row["account"] as String)' after transfer \(row["transfer"] as Int64) is wrong"
            )
        }
        let (balances, postings) = (
            try Int.fetchOne(db, sql: "SELECT count(*) FROM balance"),
            try Int.fetchOne(db, sql: "SELECT count(*) FROM posting")
        )
        if balances != postings { report.fault("there are balances without postings") }
    }

    /// What was spent and earned, summed again from the postings.
    static func auditTotals(_ db: Database, _ report: inout AuditReport) throws {
        let spent = "FROM posting JOIN transfer ON sequence = transfer WHERE account GLOB 'spend:*'"
        let totals = [
            (
                "spending", "account, asset, day",
                """
                SELECT account, asset, day, sequence, sum(amount) OVER (PARTITION BY account, asset, day ORDER BY sequence)
                \(spent) UNION ALL
                SELECT '', asset, day, sequence, sum(amount) OVER (PARTITION BY asset, day ORDER BY sequence) \(spent)
                """
            ),
            (
                "total", "name, asset",
                """
                SELECT 'spend', asset, sequence, sum(amount) OVER (PARTITION BY asset ORDER BY sequence) \(spent) UNION ALL
                SELECT 'earn', asset, sequence, sum(amount) OVER (PARTITION BY asset ORDER BY sequence)
                \(spent.replacing("spend:", with: "earn:"))
                """
            ),
        ]
        for (table, key, due) in totals {
            let kept = "SELECT \(key), transfer, amount FROM \(table)"
            let wrong = try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT count(*) FROM (\(kept) EXCEPT SELECT * FROM (\(due))))
                        + (SELECT count(*) FROM (SELECT * FROM (\(due)) EXCEPT \(kept)))
                    """)
            if wrong != 0 {
                report.fault("\(wrong ?? 0) rows of '\(table)' are not the sums of the postings")
            }
        }
    }

    static func auditHeads(_ db: Database, _ report: inout AuditReport) throws {
        let owners = try owners(db)
        // Which of them signed the last head: a key that was followed signs no later day.
        var signer = 0
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT head.day, head.sequence, event.json, link.hash, transfer.day AS booked,
                    (SELECT day FROM transfer AS next WHERE next.sequence = head.sequence + 1) AS following
                FROM head JOIN event ON event.id = head.event
                LEFT JOIN link ON link.sequence = head.sequence
                LEFT JOIN transfer ON transfer.sequence = head.sequence
                ORDER BY head.day
                """)
        while let row = try rows.next() {
            report.heads += 1
            let day: Int64 = row["day"]
            do {
                let event = try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data)
                guard let by = owners[signer...].firstIndex(of: event.pubkey.hex) else {
                    throw ChainFault(description: "it is signed by another key than the ledger's")
                }
                signer = by
                let head = try DayHead(event, node: event.pubkey)
                let hash = (row["hash"] as Data?).map { Hex.encode($0) }
                guard head == DayHead(day: day, hash: hash ?? "", sequence: row["sequence"]),
                    row["booked"] as Int64? == day, let following: Int64 = row["following"], following > day
                else { throw ChainFault(description: "it is not what the chain holds") }
            } catch { report.fault("the head of day \(day): \(error)") }
        }
    }
}
