// Whose the ledger is: the key that it began with, or the last that followed it.
// It must never pass on without an event that both keys have signed.

import GRDB
import Glibc
import NodeModel
import Nostr
import Wire

extension Ledger {
    /// Books that another key follows; from then on the ledger opens under that one only.
    func succeed(_ event: SignedEvent, to successor: PublicKey) async throws {
        do {
            try await commits.write { writer in
                let number = try Int64.fetchOne(writer.db, sql: "SELECT count(*) FROM succession") ?? 0
                try writer.store(event)
                try writer.insert(
                    "succession",
                    ["number": number + 1, "event": event.id, "successor": successor.hex])
            }
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }

    /// The keys that the owner follows.
    func formerOwners() throws -> Set<PublicKey> {
        Set(try pool.read { db in try Self.owners(db) }.dropLast().compactMap { PublicKey(hex: $0) })
    }

    /// The events by which the ledger passed on, oldest first.
    func successions() async throws -> [SignedEvent] {
        try await reading { db in try Self.successions(db) }
    }

    /// All keys that the ledger belonged to, in order; the last is its owner.
    static func owners(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT pubkey FROM (SELECT 0 AS number, pubkey FROM node
                    UNION ALL SELECT number, successor FROM succession) ORDER BY number
                """)
    }

    /// The owner of a ledger that is not open yet; nil when there is none.
    static func owner(ofLedgerAt path: String) throws -> PublicKey? {
        guard access(path, F_OK) == 0 else { return nil }
        let pool = try DatabasePool(path: path)
        try LedgerSchema.migrator.migrate(pool)
        let owner = try pool.read { db in try owners(db).last }
        try pool.close()
        return owner.flatMap { PublicKey(hex: $0) }
    }

    private static func successions(_ db: Database) throws -> [SignedEvent] {
        try String.fetchAll(db, sql: "SELECT event FROM succession ORDER BY number").map { try event($0, db) }
    }

    /// Each succession must be signed by both, and begin where the one before ended.
    static func auditSuccessions(_ db: Database, _ report: inout AuditReport) throws {
        let owners = try owners(db)
        for (index, event) in try successions(db).enumerated() {
            do {
                let read = try Succession(event)
                guard read.predecessor.hex == owners[index], read.successor.hex == owners[index + 1] else {
                    throw ChainFault(description: "it is of other keys")
                }
            } catch { report.fault("succession \(index + 1): \(error)") }
        }
    }
}
