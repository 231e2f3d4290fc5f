// Proves the money: every operation happens once, ceilings hold at any concurrency, what is answered stays.

import GRDB
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct LedgerIntentsTests {
    let fixture: LedgerFixture
    let stranger = SecretKey.generate()

    init() throws { fixture = try LedgerFixture() }

    @Test func durabilityIsWhatWasAskedFor() throws {
        let ledger = try fixture.open().ledger
        let modes = try ledger.pool.writeWithoutTransaction { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(db, sql: "PRAGMA recursive_triggers")
            )
        }
        #expect(modes.0 == 2 && modes.1 == "wal" && modes.2 == 1)
    }

    @Test func whatRestsGoesOnAsBefore() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let body = try fixture.body(provider: own, client: own)
        let first = try await daemon.bookOwn(body)
        await daemon.rest()
        let modes = try await daemon.ledger.pool.writeWithoutTransaction { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                try Int.fetchOne(db, sql: "PRAGMA recursive_triggers")
            )
        }
        #expect(modes.0 == 2 && modes.1 == 1)
        #expect(try await daemon.bookOwn(body).bundle == first.bundle)
        let second = try fixture.body(provider: own, client: own, job: 2)
        #expect(try await !daemon.bookOwn(second).repeated)
        #expect(try await daemon.ledger.audit().faults == [])
    }

    @Test func aReceiptIsSignedOnceForAJob() async throws {
        let daemon = try fixture.open()
        let body = try fixture.body(provider: daemon.key.publicKey, client: stranger.publicKey)
        let first = try await fixture.issued(daemon, body)
        #expect(try ReceiptBody(first) == body)
        // Signing draws randomness: an equal event proves that it came from the ledger.
        #expect(try await daemon.signReceipt(body) == first)
        #expect(try await fixture.open().signReceipt(body) == first)
        var other = body
        other.resultHash = Digest(hashing: "another answer")
        let error = await #expect(throws: WireError.self) { try await daemon.signReceipt(other) }
        #expect(error?.code == .conflict)
        // Another client's job of the same id is another job.
        let third = SecretKey.generate()
        let same = try fixture.body(provider: daemon.key.publicKey, client: third.publicKey)
        #expect(try await fixture.issued(daemon, same).id != first.id)
        #expect(try await daemon.ledger.balance().transfers == 0)
    }

    @Test func spendingIsBookedOnce() async throws {
        let daemon = try fixture.open()
        let receipt = try fixture.receipt(stranger, client: daemon.key.publicKey)
        let first = try await daemon.accept(receipt)
        #expect(!first.repeated)
        try Acceptance.check(first.acceptance, receipt: receipt, body: try ReceiptBody(receipt))
        let again = try await daemon.accept(receipt)
        #expect(again.repeated && again.acceptance == first.acceptance)
        let balance = try await fixture.open().ledger.balance()
        #expect(balance.credits.spent == 54 && balance.credits.earned == 0 && balance.transfers == 1)
        let row = try #require(try await daemon.ledger.history(limit: 10).first)
        #expect(row.operation == "spend" && row.amount == 54 && row.credit == "wallet")
        #expect(row.debit == "spend:\(stranger.publicKey.hex)")
        // Another provider's receipt for the same job is not paid as well.
        let other = try fixture.receipt(SecretKey.generate(), client: daemon.key.publicKey)
        let error = await #expect(throws: WireError.self) { try await daemon.accept(other) }
        #expect(error?.code == .conflict)
    }

    @Test func earningIsBookedOnceForEachClient() async throws {
        let daemon = try fixture.open()
        for client in [stranger, SecretKey.generate()] {
            let receipt = try await fixture.issued(
                daemon, try fixture.body(provider: daemon.key.publicKey, client: client.publicKey))
            let bundle = try fixture.acceptance(client, of: receipt)
            #expect(try await !daemon.record(bundle).repeated)
            #expect(try await daemon.record(bundle).repeated)
        }
        let balance = try await daemon.ledger.balance()
        #expect(balance.credits.earned == 108 && balance.credits.spent == 0 && balance.transfers == 2)
        #expect(try await daemon.ledger.audit().isSound)
    }

    @Test func workForOneselfIsNeitherEarnedNorSpent() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        // Beyond every ceiling: what costs nothing is not limited.
        let receipt = try await daemon.signReceipt(
            try fixture.body(provider: own, client: own, unit: 1_000_000))
        let accepted = try await daemon.accept(receipt)
        let recorded = try await daemon.record(
            ReceiptBundle(receipt: receipt, acceptance: accepted.acceptance))
        #expect(!accepted.repeated && recorded.repeated)
        let balance = try await daemon.ledger.balance()
        #expect(balance.credits.earned == 0 && balance.credits.spent == 0 && balance.transfers == 1)
        #expect(try await daemon.ledger.history(limit: 1).first?.operation == "own")
        #expect(try await daemon.ledger.audit().isSound)
    }

    @Test func theCeilingOfOneJobHolds() async throws {
        let daemon = try fixture.open()
        let dear = try fixture.receipt(stranger, client: daemon.key.publicKey, unit: 19)
        let error = await #expect(throws: WireError.self) { try await daemon.accept(dear) }
        #expect(error?.code == .policyRefused && error?.fix?.contains("max_per_job") == true)
        #expect(try await daemon.ledger.balance().transfers == 0)
    }

    @Test func theCeilingOfADayHoldsAtAnyConcurrency() async throws {
        // 10,000 a day at 54 * 10 each: 18 fit.
        let daemon = try fixture.open()
        let receipts = try (1...64).map {
            try fixture.receipt(stranger, client: daemon.key.publicKey, job: $0, unit: 10)
        }
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for receipt in receipts {
                group.addTask { (try? await daemon.accept(receipt)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 18)
        #expect(try await daemon.ledger.balance().credits.spent == 18 * 540)
        // The next day (UTC) has its own ceiling; the job is then too old for nothing but its age.
        fixture.time.withLockedValue { $0 += 86_400_000 }
        let next = try fixture.receipt(stranger, client: daemon.key.publicKey, job: 100, unit: 10)
        #expect(try await !daemon.accept(next).repeated)
        #expect(try await daemon.ledger.audit().isSound)
    }

    @Test func sixtyFourJobsOfOnesOwnAreBookedAtOnce() async throws {
        let fixture = try LedgerFixture(maxPerDay: .max)
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let refusals = await withTaskGroup(of: String?.self) { group in
            for job in 1...64 {
                group.addTask {
                    do {
                        let receipt = try await daemon.signReceipt(
                            fixture.body(provider: own, client: own, job: job))
                        _ = try await daemon.accept(receipt)
                        return nil
                    } catch { return "\(error) \((error as? WireError)?.cause ?? "")" }
                }
            }
            return await group.reduce(into: []) { all, one in if let one { all.append(one) } }
        }
        #expect(refusals.isEmpty)
    }

    @Test func oneJobAcceptedByManyAtOnceIsPaidOnce() async throws {
        let daemon = try fixture.open()
        let receipt = try fixture.receipt(stranger, client: daemon.key.publicKey)
        let replies = try await withThrowingTaskGroup(of: (SignedEvent, Bool).self) { group in
            for _ in 0..<32 {
                group.addTask {
                    let reply = try await daemon.accept(receipt)
                    return (reply.acceptance, reply.repeated)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(replies.map(\.0)).count == 1 && replies.filter { !$0.1 }.count == 1)
        #expect(try await daemon.ledger.balance().credits.spent == 54)
    }

    @Test func workForNothingIsBookedToo() async throws {
        let daemon = try fixture.open()
        _ = try await daemon.accept(try fixture.receipt(stranger, client: daemon.key.publicKey, unit: 0))
        let receipt = try await fixture.issued(
            daemon,
            try fixture.body(provider: daemon.key.publicKey, client: stranger.publicKey, job: 2, unit: 0))
        _ = try await daemon.record(try fixture.acceptance(stranger, of: receipt))
        let rows = try await daemon.ledger.history(limit: 10)
        #expect(rows.map(\.operation) == ["earn", "spend"] && rows.map(\.amount) == [0, 0])
        #expect(rows.map(\.debit) == ["wallet", "spend:\(stranger.publicKey.hex)"])
        #expect(rows.map(\.credit) == ["earn:\(stranger.publicKey.hex)", "wallet"])
        #expect(try await daemon.ledger.audit().faults == [])
    }

    @Test func historyIsReadInPagesToo() async throws {
        let daemon = try fixture.open()
        for job in 1...5 {
            _ = try await daemon.accept(try fixture.receipt(stranger, client: daemon.key.publicKey, job: job))
        }
        let ledger = daemon.ledger
        #expect(try await ledger.history(limit: 2).map(\.sequence) == [5, 4])
        #expect(try await ledger.history(limit: 2, after: 0).map(\.sequence) == [1, 2])
        #expect(try await ledger.history(limit: 9, after: 2).map(\.sequence) == [3, 4, 5])
        #expect(try await ledger.history(limit: 9, after: 5).isEmpty)
    }

    @Test(arguments: [0, -1, 1_001])
    func historyHasLimits(_ limit: Int) async throws {
        let ledger = try fixture.open().ledger
        let error = await #expect(throws: WireError.self) { try await ledger.history(limit: limit) }
        #expect(error?.code == .invalidParams)
    }
}
