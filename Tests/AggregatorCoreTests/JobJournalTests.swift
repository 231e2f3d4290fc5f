// Proves that the journal syncs, keeps order, forgets only what may be forgotten, and recovers.

import FoundationEssentials
import GRDB
import Interfaces
import Logging
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import AggregatorCore

@Suite struct JobJournalTests {
    static func open(_ directory: TemporaryDirectory, keep: Int = 1000) throws -> JobJournal {
        try JobJournal(
            path: directory.appending("jobs.sqlite"), keep: keep,
            log: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
    }

    static func record(_ n: UInt64, side: AggregatorInterface.Side = .local) -> AggregatorInterface.Record {
        var random = SplitMix(seed: n)
        return AggregatorInterface.Record(
            job: JobID(milliseconds: n, random: &random), side: side, state: .received, reason: "new",
            model: "tiny",
            createdAt: Int64(n), updatedAt: Int64(n))
    }

    static func key(_ record: AggregatorInterface.Record) -> JobKey {
        JobKey(job: record.job, served: record.side == .provider)
    }

    @Test func everyCommitIsSynced() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        let (mode, synchronous) = try await journal.database.read { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(db, sql: "PRAGMA synchronous")
            )
        }
        #expect(mode == "wal")
        #expect(synchronous == 2)
        await journal.close()
    }

    @Test func aFinalStateIsFinal() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        let record = Self.record(1)
        let key = Self.key(record)
        journal.append(.opened(record))
        journal.append(.moved(key, .cancelled, reason: "left", fix: nil, at: 2))
        journal.append(.moved(key, .done, reason: "too late", fix: nil, at: 3))
        try await journal.commit()
        let told = try #require(try await journal.job(record.job))
        #expect(told.record.state == .cancelled)
        #expect(told.steps.map(\.reason) == ["left"])
        await journal.close()
    }

    @Test func anIdOfAStrangerNeverMeetsOurs() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        let own = Self.record(1)
        var served = own
        served.side = .provider
        try await journal.commit([.opened(own), .opened(served)])
        journal.append(.moved(Self.key(served), .failed, reason: "theirs", fix: nil, at: 2))
        try await journal.commit()
        #expect(try await journal.job(own.job)?.record.state == .received)
        #expect(try await journal.records(limit: 9).count == 2)
        await journal.close()
    }

    @Test func theOldestFinishedJobsAreForgottenButNotWhatIsOwed() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory, keep: 20)
        let owing = Self.record(1)
        let running = Self.record(2)
        try await journal.commit([.opened(owing), .opened(running)])
        journal.append(.moved(Self.key(owing), .done, reason: "ok", fix: nil, at: 1))
        journal.append(
            .owed(
                OutboxRow(
                    key: Self.key(owing), provider: PlannerTests.own, endpoint: "ws://x:1/peer", nextAt: 9)))
        for n in 3..<103 as Range<UInt64> {
            let record = Self.record(n)
            journal.append(.opened(record))
            journal.append(.moved(Self.key(record), .done, reason: "ok", fix: nil, at: 1))
            if n.isMultiple(of: 10) { try await journal.commit() }
        }
        try await journal.commit()
        let kept = try await journal.records(limit: 500)
        #expect(kept.count < 60)
        #expect(kept.contains { $0.job == owing.job })
        #expect(kept.contains { $0.job == running.job })
        #expect(try await journal.outbox(limit: 9).count == 1)
        let orphans = try await journal.database.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM steps WHERE job NOT IN (SELECT job FROM jobs)")
        }
        #expect(orphans == 0)
        await journal.close()
    }

    @Test func whatWasAcknowledgedIsThereAfterReopening() async throws {
        let directory = try TemporaryDirectory()
        let first = try Self.open(directory)
        let finished = Self.record(1)
        let interrupted = Self.record(2)
        let complete = Self.record(3)
        let key = SecretKey.generate()
        let (receipt, body) = try Self.receipt(complete.job, key)
        try await first.commit([
            .opened(finished), .moved(Self.key(finished), .done, reason: "ok", fix: nil, at: 5),
            .opened(interrupted),
            .moved(Self.key(interrupted), .running, reason: "running here", fix: nil, at: 6),
            .opened(complete),
            .receipt(Self.key(complete), receipt, body, at: 7),
        ])
        await first.close()
        let second = try Self.open(directory)
        #expect(try await second.recover(at: 9) == 2)
        #expect(try await second.job(finished.job)?.record.state == .done)
        #expect(try await second.job(interrupted.job)?.record.reason == JournalWriting.restartedDuring)
        #expect(try await second.job(complete.job)?.record.state == .done)
        #expect(try await second.receipt(complete.job)?.receipt == receipt)
        #expect(try await second.recover(at: 10) == 0)
        await second.close()
    }

    @Test func whatRestsGoesOnAsBefore() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        let (before, after) = (Self.record(1), Self.record(2))
        try await journal.commit([.opened(before)])
        journal.append(.moved(Self.key(before), .running, reason: "running here", fix: nil, at: 6))
        await journal.rest()
        try await journal.commit([.opened(after)])
        #expect(try await journal.job(before.job)?.record.state == .running)
        #expect(try await journal.job(after.job) != nil)
        let synchronous = try await journal.database.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(synchronous == 2)
        await journal.close()
    }

    @Test func whatADeadJobOwesIsDueAtOnceAndARetryKeepsItsPause() async throws {
        let directory = try TemporaryDirectory()
        let first = try Self.open(directory)
        let (fresh, retried) = (Self.record(1), Self.record(2))
        let provider = SecretKey.generate().publicKey
        for (record, attempts) in [(fresh, 0), (retried, 3)] {
            try await first.commit([
                .opened(record),
                .owed(
                    OutboxRow(
                        key: JobKey(job: record.job, served: false), provider: provider, endpoint: nil,
                        attempts: attempts, nextAt: 30_000)),
            ])
        }
        await first.close()
        let second = try Self.open(directory)
        _ = try await second.recover(at: 9)
        let due = try await second.outbox(limit: 9)
        #expect(due.map(\.key.job) == [fresh.job, retried.job])
        #expect(due.map(\.nextAt) == [9, 30_000])
        await second.close()
    }

    static func receipt(_ job: JobID, _ key: SecretKey) throws -> (SignedEvent, ReceiptBody) {
        let zero = Digest(hashing: "")
        let body = ReceiptBody(
            job: job, provider: key.publicKey, client: key.publicKey, model: "tiny", modelRoot: zero,
            image: "sha256:x",
            requestHash: zero, resultHash: zero, usage: Usage(promptTokens: 1, completionTokens: 1),
            timings: StageTimings(), finish: .stop, unitPrice: UnitPrice(prompt: 1, completion: 2), price: 3,
            finishedAt: 100)
        return (try key.sign(try body.template()), body)
    }

    @Test func aDamagedFileIsSetAside() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("jobs.sqlite")
        try String(repeating: "this is not a database ", count: 400).write(
            toFile: path, atomically: false, encoding: .utf8)
        let journal = try Self.open(directory)
        try await journal.commit([.opened(Self.record(1))])
        #expect(try await journal.records(limit: 9).count == 1)
        #expect(await journal.probe() == nil)
        await journal.close()
    }

    @Test func aFailedWriteIsToldToWhoeverWaitsAndMends() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = 1") }
        await #expect(throws: WireError.self) { try await journal.commit([.opened(Self.record(1))]) }
        #expect(journal.failure != nil)
        #expect(await journal.probe() != nil)
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = 0") }
        #expect(await journal.probe() == nil)
        #expect(journal.failure == nil)
        await journal.close()
    }

    @Test func aReceiptIsKeptEvenIfItsJobCouldNotBeWrittenWhenItBegan() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Self.open(directory)
        let record = Self.record(1)
        let (receipt, body) = try Self.receipt(record.job, SecretKey.generate())
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = 1") }
        await #expect(throws: WireError.self) { try await journal.commit([.opened(record)]) }
        try await journal.commit()
        #expect(journal.failure != nil, "a commit of nothing proves nothing")
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = 0") }
        try await journal.commit([.opened(record), .receipt(Self.key(record), receipt, body, at: 5)])
        #expect(try await journal.receipt(record.job)?.receipt == receipt)
        #expect(journal.failure == nil)
        await journal.close()
    }

    @Test func theOutboxBacksOffAndGivesUpOnlyOnARefusal() {
        let away = WireError(.unavailable, "away")
        #expect(OutboxSchedule.after(away, attempts: 1, nowMs: 0) == .again(atMs: 1_000))
        #expect(OutboxSchedule.after(away, attempts: 4, nowMs: 0) == .again(atMs: 8_000))
        #expect(OutboxSchedule.after(away, attempts: 1_000, nowMs: 0) == .again(atMs: 300_000))
        #expect(OutboxSchedule.after(WireError(.notFound, "unknown"), attempts: 1, nowMs: 0) == .never)
    }
}
