// Proves that a ledger from before a change of its schema opens as what it was: same chain, same sums, and the new totals.
// It must never take an old ledger from a file that nobody can read: the old schema is in the code.

import FoundationEssentials
import GRDB
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing

@testable import LedgerCore

@Suite struct LedgerMigrationTests {
    private static let day: Int64 = 86_400_000

    /// Jobs accepted on two days, with two providers.
    private static func spend(_ fixture: LedgerFixture) async throws -> LedgerDaemon {
        let daemon = try fixture.open()
        let providers = [SecretKey.generate(), .generate()]
        for job in 1...5 {
            if job == 4 { fixture.time.withLockedValue { $0 += day } }
            _ = try await daemon.accept(
                try fixture.receipt(
                    providers[job % 2], client: daemon.key.publicKey, job: job, unit: Int64(job)))
        }
        return daemon
    }

    @Test func aLedgerWithoutTotalsGetsThem() async throws {
        let fixture = try LedgerFixture()
        let daemon = try await Self.spend(fixture)
        let path = fixture.directory.appending("old.db")
        let old = try DatabaseQueue(path: path)
        try LedgerSchema.migrator.migrate(old, upTo: "7: channels")
        try await old.writeWithoutTransaction { db in
            try db.execute(sql: "ATTACH DATABASE ? AS new", arguments: [fixture.databasePath])
            // As they would have been written, so that the old triggers keep the balances.
            for table in ["node", "event", "operation", "transfer", "posting", "link", "head"] {
                let columns = try db.columns(in: table).map(\.name).joined(separator: ", ")
                try db.execute(
                    sql: """
                        INSERT INTO main.\(table) (\(columns)) SELECT \(columns) FROM new.\(table)
                        WHERE true ORDER BY 1
                        """)
            }
        }
        try old.close()

        let migrated = try Ledger(path: path, key: daemon.key)
        let report = try await migrated.audit()
        #expect(report.faults == [] && report.transfers == 5 && report.heads == 1)
        #expect(try await migrated.balance() == (try await daemon.ledger.balance()))
        for (table, key) in [
            ("spending", "account, asset, day, transfer"), ("total", "name, asset, transfer"),
            ("balance", "account, asset, transfer"), ("operation", "id"), ("link", "sequence"),
            ("event", "id"),
        ] {
            let what = table == "event" ? "id, json" : "*"
            let sql = "SELECT \(what) FROM \(table) ORDER BY \(key)"
            let was = try daemon.ledger.pool.read { db in try Row.fetchAll(db, sql: sql) }
            let made = try migrated.pool.read { db in try Row.fetchAll(db, sql: sql) }
            #expect(!made.isEmpty && was == made, "\(table)")
        }
    }

    @Test func theDaysSpendingIsThatOfItsDay() async throws {
        let fixture = try LedgerFixture()
        let daemon = try await Self.spend(fixture)
        let now = fixture.time.withLockedValue { $0 }
        let spent = try await daemon.ledger.pool.read { db in
            try [now - Self.day, now, now + Self.day].map { at in
                try Ledger.spent(.testCredit, onDayOf: at, db)
            }
        }
        // 54 micro-units a job, times its number. Typed: the compiler took four seconds to find which numbers these are.
        let due: [Int64] = [54 * 6, 54 * 9, 0]
        #expect(spent == due)
        let overall = try await daemon.ledger.balance()
        #expect(overall.credits.spent == 54 * 15 && overall.credits.earned == 0)
    }

    /// A clock that is set back books on an earlier day: its sum goes on where it was.
    @Test func anEarlierDayGoesOn() async throws {
        let fixture = try LedgerFixture()
        let daemon = try await Self.spend(fixture)
        fixture.time.withLockedValue { $0 -= Self.day }
        let stranger = SecretKey.generate()
        _ = try await daemon.accept(
            try fixture.receipt(stranger, client: daemon.key.publicKey, job: 9))
        let at = fixture.time.withLockedValue { $0 }
        let spent = try await daemon.ledger.pool.read { db in
            try Ledger.spent(.testCredit, onDayOf: at, db)
        }
        #expect(spent == 54 * 7)
        #expect(try await daemon.ledger.audit().faults == [])
    }

    /// A ledger keeps every receipt for ever: its rows must not take pages of their own.
    @Test func anEventTakesLittleMoreThanItsBytes() throws {
        let fixture = try LedgerFixture()
        let ledger = try fixture.open().ledger
        let count = { (db: Database) in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
        let before = try ledger.pool.read(count)
        let bytes = try ledger.pool.write { db in
            for number in 0..<400 {
                let id = Digest(hashing: "event \(number)").hex
                try db.execute(
                    sql: "INSERT INTO event (id, json) VALUES (?, ?)",
                    arguments: [id, Data(repeating: 0x20, count: 1_100 + number)])
            }
            return try Int.fetchOne(db, sql: "SELECT sum(length(json)) FROM event") ?? 0
        }
        let after = try ledger.pool.read(count)
        #expect(Double((after - before) * 4096) < Double(bytes) * 1.5)
        #expect(throws: DatabaseError.self) {
            try ledger.pool.write { db in
                try db.execute(sql: "UPDATE event SET json = x'00' WHERE number = 1")
            }
        }
        #expect(throws: DatabaseError.self) {
            try ledger.pool.write { db in try db.execute(sql: "DELETE FROM event") }
        }
    }
}
