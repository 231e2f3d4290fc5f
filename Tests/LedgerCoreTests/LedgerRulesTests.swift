// Proves that the database itself refuses what the code must not do, and that an audit finds what was forged.

import DaemonKit
import FoundationEssentials
import GRDB
import Glibc
import Interfaces
import NodeModel
import Nostr
import Testing

@testable import LedgerCore

@Suite struct LedgerRulesTests {
    let fixture: LedgerFixture
    let daemon: LedgerDaemon

    init() async throws {
        fixture = try LedgerFixture()
        daemon = try fixture.open()
        let stranger = SecretKey.generate()
        for job in 1...3 {
            _ = try await daemon.accept(
                try fixture.receipt(stranger, client: daemon.key.publicKey, job: job))
        }
    }

    @Test(arguments: [
        "node", "event", "operation", "transfer", "posting", "link", "spending", "total", "balance",
    ])
    func nothingChangesOrVanishes(_ table: String) throws {
        let pool = daemon.ledger.pool
        let column = try pool.read { db in try db.columns(in: table).last?.name ?? "" }
        for statement in [
            "DELETE FROM \(table)", "UPDATE \(table) SET \(column) = \(column)",
            "REPLACE INTO \(table) SELECT * FROM \(table)",
        ] {
            let error = #expect(throws: DatabaseError.self, "\(statement)") {
                try pool.write { db in try db.execute(sql: statement) }
            }
            let rules = ["append-only", "closed", "does not follow"]
            #expect(rules.contains { error?.message?.contains($0) == true }, "\(error as Any)")
        }
    }

    /// Whatever tables there are, also those that a later migration makes.
    @Test func everyTableRefusesUpdateAndDelete() async throws {
        try await daemon.ledger.pool.read { db in
            let tables = try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'
                        AND name NOT GLOB 'grdb_*' ORDER BY name
                    """)
            #expect(tables.count >= 30 && tables.contains("payment") && tables.contains("voucher"))
            for table in tables {
                for deed in ["UPDATE", "DELETE"] {
                    let rules = try String.fetchAll(
                        db,
                        sql: "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
                        arguments: [table])
                    #expect(
                        rules.contains {
                            $0.contains("BEFORE \(deed) ON \(table)\n") && $0.contains("is append-only")
                                // What is under way goes when it is over, and so by no hand.
                                && (table == "under_way" || !$0.contains(" WHEN "))
                        }, "\(deed) \(table)")
                }
            }
        }
    }

    @Test func whatIsUnderWayIsRemovedByItsEndAlone() async throws {
        let node = try RailFixture()
        try await node.fund()
        _ = try await node.ask("rent")
        for sql in ["DELETE FROM under_way", "UPDATE under_way SET payment = 'x'"] {
            await #expect(throws: DatabaseError.self, "\(sql)") {
                try await node.ledger.pool.write { db in try db.execute(sql: sql) }
            }
        }
        func count() async throws -> Int? {
            try await node.ledger.pool.read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM under_way")
            }
        }
        #expect(try await count() == 1)
        _ = try await node.finish("rent")
        #expect(try await count() == 0)
        #expect(try await node.ledger.audit().faults == [])
    }

    /// A fourth transfer with these postings; the link's fields can be bent.
    private func append(_ amounts: [Int64], sequence: Int64 = 4, previous: Data? = nil) throws {
        try daemon.ledger.pool.write { db in
            let head = try Data.fetchOne(db, sql: "SELECT hash FROM link WHERE sequence = 3") ?? Data()
            try db.execute(
                sql: """
                    INSERT INTO operation (id, kind, job, at, receipt, acceptance)
                    SELECT 'spend/extra', kind, job, at, receipt, acceptance
                    FROM operation LIMIT 1
                    """)
            try db.execute(
                sql: "INSERT INTO transfer VALUES (?, 'spend/extra', 'spend', 0, 0, 'test:credit')",
                arguments: [sequence])
            for (index, amount) in amounts.enumerated() {
                try db.execute(
                    sql: "INSERT INTO posting VALUES (?, ?, ?)", arguments: [sequence, "a\(index)", amount])
            }
            try db.execute(
                sql: "INSERT INTO link VALUES (?, ?, randomblob(32))",
                arguments: [sequence, previous ?? head])
        }
    }

    @Test(arguments: [[1, 2], [1, -2], [5], [], [0], [1, -1, 1]] as [[Int64]])
    func postingsThatDoNotSumToZeroAreRefused(_ amounts: [Int64]) {
        let error = #expect(throws: DatabaseError.self) { try append(amounts) }
        #expect(error?.message == "the postings do not sum to zero")
    }

    @Test func linksThatDoNotFollowAreRefused() {
        for error in [
            #expect(throws: DatabaseError.self) { try append([1, -1], sequence: 5) },
            #expect(throws: DatabaseError.self) { try append([1, -1], previous: Data(count: 32)) },
        ] {
            #expect(error?.message == "the link does not follow the chain")
        }
        // And the right one is accepted, so that the refusals above are not for another reason.
        #expect(throws: Never.self) { try append([1, -1]) }
    }

    @Test func aClosedTransferTakesNoMorePostings() {
        let error = #expect(throws: DatabaseError.self) {
            try daemon.ledger.pool.write { db in
                try db.execute(sql: "INSERT INTO posting VALUES (1, 'more', 0)")
            }
        }
        #expect(error?.message == "the transfer is closed")
    }

    @Test func aSoundLedgerIsSound() async throws {
        let report = try await daemon.ledger.audit()
        #expect(report.faults == [] && report.transfers == 3 && report.operations == 3)
        #expect(report.head == (try await daemon.ledger.balance().chainHead))
    }

    /// What somebody with the file and without scruples could do: drop the triggers, then change rows.
    static let forgeries = [
        "UPDATE posting SET amount = amount * 2", "UPDATE posting SET account = 'spend:me' WHERE amount > 0",
        "UPDATE transfer SET at = at + 1", "UPDATE operation SET kind = 'own'",
        "UPDATE transfer SET asset = 'gold' WHERE sequence = 2",
        "UPDATE link SET hash = randomblob(32) WHERE sequence = 2",
        "DELETE FROM link WHERE sequence = 3", "DELETE FROM link WHERE sequence = 1",
        "DELETE FROM posting WHERE transfer = 2",
        "UPDATE spending SET amount = 0 WHERE transfer = 3 AND account = ''",
        "DELETE FROM spending WHERE transfer = 1",
        "UPDATE total SET amount = amount + 1 WHERE transfer = 2", "DELETE FROM total WHERE transfer = 3",
        "UPDATE event SET json = replace(CAST(json AS TEXT), '\"kind\":7860', '\"kind\":7861')",
        "UPDATE event SET json = replace(CAST(json AS TEXT), 'smollm2', 'smollm3')",
    ]

    @Test(arguments: forgeries)
    func anAuditFinds(_ forgery: String) async throws {
        try await daemon.ledger.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            for name in try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'trigger'")
            {
                try db.execute(sql: "DROP TRIGGER \(name)")
            }
            // STRICT tables keep their types: events are blobs.
            try db.execute(
                sql: forgery.replacing("SET json = replace(", with: "SET json = CAST(replace(")
                    .replacing("'smollm3')", with: "'smollm3') AS BLOB)").replacing(
                        ":7861')", with: ":7861') AS BLOB)"))
            #expect(db.changesCount > 0)
        }
        let report = try await daemon.ledger.audit()
        #expect(!report.isSound, "\(forgery)")
    }

    @Test func aChangedHeadIsNoticedAtTheNextStart() throws {
        try daemon.ledger.pool.write { db in
            try db.execute(sql: "DROP TRIGGER posting_no_update")
            try db.execute(sql: "UPDATE posting SET amount = amount * 2 WHERE transfer = 3")
        }
        let failure = #expect(throws: StartFailure.self) { try fixture.open() }
        #expect(failure?.exit == .config && failure?.message.contains("chain") == true)
    }

    @Test func theLedgerBelongsToOneKey() throws {
        rename(fixture.keyPath, fixture.keyPath + ".old")
        let missing = #expect(throws: StartFailure.self) { try fixture.open() }
        #expect(missing?.message.contains("missing") == true)
        let other = SecretKey.generate().withBytes { Hex.encode($0) } + "\n"
        let descriptor = Glibc.open(fixture.keyPath, O_WRONLY | O_CREAT, 0o600)
        _ = write(descriptor, other, other.utf8.count)
        close(descriptor)
        let foreign = #expect(throws: StartFailure.self) { try fixture.open() }
        #expect(foreign?.exit == .config && foreign?.message.contains("is the ledger of") == true)
    }

    @Test func aFileThatIsNoDatabaseIsKeptAndRefused() throws {
        let fresh = try LedgerFixture()
        _ = try fresh.open()
        for suffix in ["", "-wal", "-shm"] { unlink(fresh.databasePath + suffix) }
        let descriptor = Glibc.open(fresh.databasePath, O_WRONLY | O_CREAT, 0o600)
        let text = String(repeating: "this is no database ", count: 400)
        _ = write(descriptor, text, text.utf8.count)
        close(descriptor)
        let failure = #expect(throws: StartFailure.self) { try fresh.open() }
        #expect(failure?.exit == .config)
        var info = stat()
        #expect(stat(fresh.databasePath, &info) == 0 && info.st_size == text.utf8.count)
    }
}
