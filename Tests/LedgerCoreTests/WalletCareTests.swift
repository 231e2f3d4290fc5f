// Proves the policy table row by row, backup and restore of key and books, and the ceiling for one peer.

import Foundation
import GRDB
import Glibc
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Policy
import Testing
import Wire

@testable import LedgerCore

@Suite struct WalletCareTests {
    static let table = SigningTable(SpendingLimit(perJob: 1, perDay: 2, perPeer: 3))

    /// The policy and the grants say the same: for every role and every intent.
    @Test(arguments: Role.allCases)
    func thePolicyAgreesWithTheGrants(_ role: Role) {
        for spec in LedgerInterface.methods {
            let granted = Grants.allows(role, at: .ledger, spec.name)
            if granted {
                #expect(throws: Never.self) { try Self.table.check(spec.name, by: role) }
            } else {
                let error = #expect(throws: WireError.self) { try Self.table.check(spec.name, by: role) }
                #expect(error?.code == .notPermitted && error?.message.contains(spec.name) == true)
            }
        }
        #expect(throws: WireError.self) { try Self.table.check("ledger.sign_digest", by: role) }
    }

    @Test func everyIntentHasOneRow() {
        let intents = Self.table.rows.map(\.intent.name)
        #expect(intents.count == Set(intents).count)
        #expect(Set(intents) == Set(LedgerInterface.methods.map(\.name)))
        #expect(!intents.contains { $0.contains("digest") })
        let spending = Self.table.shown.filter { $0.perDay != nil }
        #expect(spending.map(\.intent) == ["ledger.accept_receipt", "ledger.promise_price"])
        #expect(spending[0].perCall == 1 && spending[0].perDay == 2 && spending[0].perPeer == 3)
    }

    @Test func aCopyThatDoesNotHoldInItsMiddleIsNone() async throws {
        let fixture = try LedgerFixture()
        let daemon = try fixture.open()
        for job in 1...3 {
            _ = try await daemon.accept(
                try fixture.receipt(.generate(), client: daemon.key.publicKey, job: job))
        }
        let good = try daemon.ledger.backUp(to: fixture.directory.path)
        let before = try Data(contentsOf: URL(fileURLWithPath: good.path))
        try await daemon.ledger.pool.write { db in
            try db.execute(sql: "DROP TRIGGER posting_no_update")
            try db.execute(sql: "UPDATE posting SET amount = amount * 2 WHERE transfer = 1")
        }
        // Its end is right: only a whole proof finds it.
        try await daemon.ledger.pool.read { db in try Ledger.verifyHead(db) }
        let error = #expect(throws: WireError.self) {
            try daemon.ledger.backUp(to: fixture.directory.path)
        }
        #expect(error?.code == .corrupt)
        #expect(try Data(contentsOf: URL(fileURLWithPath: good.path)) == before)
    }

    @Test func onePeerGetsNoMoreThanItsCeiling() async throws {
        let fixture = try LedgerFixture(maxPerJob: 1_000, maxPerDay: 10_000, maxPerPeer: 150)
        let daemon = try fixture.open()
        let (first, second) = (SecretKey.generate(), SecretKey.generate())
        func accept(_ provider: SecretKey, _ job: Int) async throws -> Bool {
            let receipt = try fixture.receipt(provider, client: daemon.key.publicKey, job: job)
            return try await daemon.accept(receipt).repeated
        }
        // 54 each: two fit below 150, the third does not; another peer has its own ceiling, and so has another day.
        #expect(try await !accept(first, 1))
        #expect(try await !accept(first, 2))
        let error = await #expect(throws: WireError.self) { try await accept(first, 3) }
        #expect(error?.code == .policyRefused && error?.fix?.contains("max_per_peer") == true)
        #expect(try await !accept(second, 3))
        fixture.time.withLockedValue { $0 += 86_400_000 }
        #expect(try await !accept(first, 4))
    }

    @Test func aBackupHoldsKeyAndBooks() async throws {
        let fixture = try LedgerFixture()
        let daemon = try fixture.open()
        let provider = SecretKey.generate()
        _ = try await daemon.accept(try fixture.receipt(provider, client: daemon.key.publicKey))
        let backup = try await daemon.backUp("correct horse")
        #expect(try Passphrase.open(backup.ncryptsec, "correct horse").publicKey == daemon.key.publicKey)
        #expect(backup.transfers == 1 && backup.npub == daemon.key.publicKey.npub)
        #expect(backup.chainHead == (try await daemon.ledger.balance().chainHead))
        var info = stat()
        #expect(stat(backup.path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        // The copy is a ledger: it opens under the same key, holds, and goes on.
        let copy = try Ledger(path: backup.path, key: daemon.key)
        let report = try await copy.audit()
        #expect(report.faults == [] && report.transfers == 1)
        #expect(await copy.answer(.deposit(1, .testCredit, from: "a"), id: "d") == .booked)
        try copy.pool.close()
        // A second backup replaces the first.
        #expect(try await daemon.backUp("correct horse").path == backup.path)
        #expect(try await Ledger(path: backup.path, key: daemon.key).audit().transfers == 1)
    }

    @Test func aFreshNodeTakesOverARestoredKey() async throws {
        let old = SecretKey.generate()
        let text = try Passphrase.seal(old, "correct horse", handling: .insecure).text
        let fixture = try LedgerFixture()
        let daemon = try fixture.open()
        let before = daemon.key.publicKey
        await #expect(throws: WireError.self) { try await daemon.restore(text, "wrong horse") }
        let reply = try await daemon.restore(text, "correct horse")
        #expect(reply == LedgerInterface.Restore.Reply(npub: old.publicKey.npub, restart: true))
        // Until then nothing is booked.
        let receipt = try fixture.receipt(.generate(), client: before)
        let error = await #expect(throws: WireError.self) { try await daemon.accept(receipt) }
        #expect(error?.code == .unavailable)
        let restarted = try fixture.open()
        #expect(restarted.key.publicKey == old.publicKey)
        #expect(try await restarted.restore(text, "correct horse").restart == false)
        _ = try await restarted.accept(try fixture.receipt(.generate(), client: old.publicKey))
        #expect(try fixture.open().key.publicKey == old.publicKey)
        // SQLite removes the log by its path when a ledger closes; the old process would be gone by now.
        withExtendedLifetime(daemon) {}
    }

    @Test func aKeyWithAHistoryStays() async throws {
        let fixture = try LedgerFixture()
        let daemon = try fixture.open()
        _ = try await daemon.accept(try fixture.receipt(.generate(), client: daemon.key.publicKey))
        let text = try Passphrase.seal(.generate(), "correct horse", handling: .insecure).text
        let error = await #expect(throws: WireError.self) { try await daemon.restore(text, "correct horse") }
        #expect(error?.code == .policyRefused)
        _ = try await daemon.accept(try fixture.receipt(.generate(), client: daemon.key.publicKey, job: 2))
        #expect(try fixture.open().key.publicKey == daemon.key.publicKey)
    }

    /// A crash between any two steps of the takeover leads to the same end.
    @Test(arguments: ["node.key", "ledger.db-wal", "ledger.db"])
    func aTakeoverThatWasCutShortGoesOn(_ moved: String) async throws {
        let restored = SecretKey.generate()
        let fixture = try LedgerFixture()
        let daemon = try fixture.open()
        try daemon.keyFile.stage(restored)
        try daemon.ledger.pool.close()
        let path = fixture.directory.appending(moved)
        if access(path, F_OK) == 0 { #expect(rename(path, path + ".moved") == 0) }
        #expect(try fixture.open().key.publicKey == restored.publicKey)
        #expect(access(fixture.keyPath + ".next", F_OK) != 0)
    }
}
