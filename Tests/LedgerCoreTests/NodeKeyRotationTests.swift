// Proves that a node's name passes from key to key with its books, and that a crash in between loses neither.

import GRDB
import Glibc
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerCore

@Suite struct NodeKeyRotationTests {
    let fixture: LedgerFixture
    let client = SecretKey.generate()

    init() throws { fixture = try LedgerFixture() }

    @Test func theBooksGoOnUnderTheNewKey() async throws {
        let daemon = try fixture.open()
        let old = daemon.key.publicKey
        _ = try await daemon.accept(try fixture.receipt(client, client: old))
        let unpaid = try await fixture.issued(
            daemon, try fixture.body(provider: old, client: client.publicKey, job: 2))
        let reply = try await daemon.rotateKey()
        let succession = try Succession(reply.succession)
        #expect(succession.predecessor == old && succession.successor.npub == reply.npub)
        // The old key signs nothing more.
        let late = try fixture.receipt(client, client: old, job: 3)
        let error = await #expect(throws: WireError.self) { try await daemon.accept(late) }
        #expect(error?.code == .unavailable)
        try daemon.ledger.pool.close()

        let next = try fixture.open()
        #expect(next.key.publicKey == succession.successor)
        #expect(try await next.ledger.successions() == [reply.succession])
        _ = try await next.accept(try fixture.receipt(client, client: next.key.publicKey, job: 3))
        // What the old key earned is still paid; what it is asked to spend is not.
        #expect(try await !next.record(try fixture.acceptance(client, of: unpaid)).repeated)
        let spent = await #expect(throws: WireError.self) { try await next.accept(late) }
        #expect(spent?.code == .policyRefused)
        #expect(try await next.ledger.balance().transfers == 3)
        // A day later the new key signs the head of a day, and the audit knows it.
        fixture.time.withLockedValue { $0 += 86_400_000 }
        _ = try await next.accept(try fixture.receipt(client, client: next.key.publicKey, job: 4))
        let report = try await next.ledger.audit()
        #expect(report.faults == [] && report.heads == 1)
        // Once more, and the ledger knows all three.
        _ = try await next.rotateKey()
        try next.ledger.pool.close()
        let third = try fixture.open()
        #expect(try await third.ledger.successions().count == 2)
        #expect(try await third.ledger.audit().faults == [])
    }

    /// A crash before the ledger names the successor leaves the old key; one after it, the new.
    @Test func aCrashLeavesOneOwner() async throws {
        let daemon = try fixture.open()
        let (key, stray) = (daemon.key.publicKey, SecretKey.generate())
        try daemon.keyFile.prepareSuccessor(stray)
        try daemon.ledger.pool.close()
        let again = try fixture.open()
        #expect(again.key.publicKey == key && access(fixture.keyPath + ".successor", F_OK) != 0)

        let reply = try await again.rotateKey()
        try again.ledger.pool.close()
        // Between the two moves the old key is aside already.
        #expect(rename(fixture.keyPath, fixture.keyPath + ".aside") == 0)
        let next = try fixture.open()
        #expect(next.key.publicKey == (try Succession(reply.succession)).successor)
        #expect(try await next.ledger.audit().faults == [])
    }

    @Test func theKeyBeforeOpensTheLedgerNoMore() async throws {
        let daemon = try fixture.open()
        let old = daemon.key
        _ = try await daemon.rotateKey()
        try daemon.ledger.pool.close()
        #expect(throws: (any Error).self) { try Ledger(path: fixture.databasePath, key: old) }
        #expect(try fixture.open().key.publicKey != old.publicKey)
    }

    @Test func anAuditSeesASuccessionWithoutConsent() async throws {
        let daemon = try fixture.open()
        let thief = SecretKey.generate()
        let stolen = Succession(
            predecessor: daemon.key.publicKey, successor: thief.publicKey, at: fixture.now)
        let consent = try daemon.key.signature(of: stolen.consentMessage)
        let event = try daemon.key.sign(try stolen.template(consent: consent))
        try await daemon.ledger.succeed(event, to: thief.publicKey)
        let faults = try await daemon.ledger.audit().faults
        #expect(faults.count == 1 && faults.first?.contains("has not signed") == true)
        await #expect(throws: DatabaseError.self) {
            try await daemon.ledger.pool.write { db in try db.execute(sql: "DELETE FROM succession") }
        }
    }

    @Test func aSealedKeyIsNotRotated() async throws {
        let secrets = try TemporaryDirectory()
        let path = secrets.path + "/" + NodeKeyFile.sealedName
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o400)
        let text = String(repeating: "0", count: 63) + "3\n"
        #expect(write(descriptor, text, text.utf8.count) == 65)
        close(descriptor)
        let daemon = try fixture.open(secrets: secrets.path)
        let error = await #expect(throws: WireError.self) { try await daemon.rotateKey() }
        #expect(error?.code == .policyRefused)
    }
}
