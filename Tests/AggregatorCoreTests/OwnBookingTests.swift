// Proves that an own job is booked and written down before it is told of, and that one whose process died in between is found
// again at the next start.

import GRDB
import IPC
import Interfaces
import Logging
import NodeModel
import Synchronization
import TestKit
import Testing
import Wire

@testable import AggregatorCore

@Suite struct OwnBookingTests {
    /// What a process leaves that dies when ledger-d has booked, and the journal has not heard: the job runs, without a receipt.
    private static func leftBehind(_ house: FakeHouse, booked: Bool) async throws -> (
        job: JobID, bundle: ReceiptBundle?
    ) {
        try await house.start()
        let reply = try await house.submit(seen: Seen())
        let job = reply.record.job
        let journal = try #require(house.daemon?.house.journal)
        try await journal.database.write { db in
            try db.execute(sql: "DELETE FROM receipts")
            try db.execute(sql: "UPDATE jobs SET state = 'verifying'")
        }
        if !booked { house.script.withLock { $0.booked = [:] } }
        await house.kill()
        return (job, booked ? reply.receipt : nil)
    }

    @Test func aBookedJobThatNobodyHeardOfIsFoundAgain() async throws {
        let house = try await FakeHouse()
        let (job, bundle) = try await Self.leftBehind(house, booked: true)
        try await house.start()
        let told = try await house.job(job)
        #expect(told.record.state == .done)
        #expect(told.record.reason == JournalWriting.restartedAfter)
        #expect(told.record.price == 20)
        let kept = try await house.link(as: .ctl).call(AggregatorInterface.Receipt(job: job))
        #expect(kept == bundle && kept.acceptance != nil)
        #expect(house.script.withLock { $0.foundOwn } == [[job]])
        // It has its end: the next start asks nothing.
        await house.kill()
        try await house.start()
        #expect(house.script.withLock { $0.foundOwn.count } == 1)
        await house.stop()
    }

    @Test func whatWasNotBookedEndsAsFailed() async throws {
        let house = try await FakeHouse()
        let (job, _) = try await Self.leftBehind(house, booked: false)
        try await house.start()
        let told = try await house.job(job)
        #expect(told.record.state == .failed)
        #expect(told.record.reason == JournalWriting.restartedDuring)
        #expect(house.script.withLock { $0.foundOwn } == [[job]])
        await house.stop()
    }

    @Test func aLedgerThatCannotBeAskedIsNamed() async throws {
        let house = try await FakeHouse()
        let (job, _) = try await Self.leftBehind(house, booked: true)
        house.script.withLock { $0.findOwnError = WireError(.notFound, "no such method") }
        try await house.start()
        let told = try await house.job(job)
        #expect(told.record.state == .failed)
        #expect(told.record.reason == JournalWriting.restartedUnasked)
        await house.stop()
    }

    @Test func aJobThatIsToldOfIsInTheJournalWithItsReceipt() async throws {
        let house = try await FakeHouse()
        try await house.start()
        let reply = try await house.submit(seen: Seen())
        let journal = try #require(house.daemon?.house.journal)
        // Nothing is waited for: what is on disk now is what a kill leaves.
        let copy = house.directory.appending("copy.sqlite")
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO '\(copy)'") }
        let reopened = try JobJournal(path: copy, keep: 100, log: .init(label: "t"))
        _ = try await reopened.recover(at: 5)
        #expect(try await reopened.job(reply.record.job)?.record.state == .done)
        #expect(try await reopened.receipt(reply.record.job) == reply.receipt)
        #expect(try await reopened.outbox(limit: 9).isEmpty, "nothing is owed to oneself")
        await reopened.close()
        await house.stop()
    }

    @Test func aRefusedBookingFailsTheJobAndIsToldOnce() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.acceptError = WireError(.policyRefused, "not this one") }
        try await house.start()
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .policyRefused)
        #expect(house.script.withLock { $0.acceptedReceipts.isEmpty })
        await house.stop()
    }
}
