// Proves the local path: answer, receipt, journal, cancellation, cap, and what a restart leaves behind.

import GRDB
import IPC
import Interfaces
import Logging
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import TestKit
import Testing
import Wire

@testable import AggregatorCore

@Suite struct LocalJobTests {
    @Test func anAnswerEndsWithAnAcceptedReceipt() async throws {
        let house = try await FakeHouse()
        try await house.start()
        let seen = Seen()
        let reply = try await house.submit(seen: seen)
        let submitted = seen.withLock { $0 }
        #expect(submitted.text == "Hello, world")
        #expect(submitted.events.first?.stage == .accepted)
        #expect(submitted.events.contains { $0.stage == .state })
        #expect(submitted.events.filter { $0.stage == .token }.map(\.sequence) == [0, 1, 2])

        let body = try ReceiptBody(reply.receipt.receipt)
        #expect(body.resultHash == Digest(hashing: "Hello, world"))
        #expect(body.provider == house.key.publicKey)
        #expect(body.client == house.key.publicKey)
        #expect(body.price == 12 * 1 + 4 * 2)
        let acceptance = try #require(reply.receipt.acceptance)
        try Acceptance.check(acceptance, receipt: reply.receipt.receipt, body: body)
        #expect(reply.record.state == .done)
        #expect(reply.record.usage?.completionTokens == 4)

        let job = try #require(submitted.job)
        let told = try await house.job(job)
        #expect(told.steps.map(\.state) == [.received, .planned, .running, .verifying, .done])
        #expect(told.record.side == .local)
        #expect(told.record.price == 20)
        let kept = try await house.link(as: .ctl).call(AggregatorInterface.Receipt())
        #expect(kept == reply.receipt)
        let jobs = try await house.link(as: .ctl).call(AggregatorInterface.Jobs())
        #expect(jobs.jobs.map(\.job) == [job])
        #expect(house.script.withLock { $0.traces } == [job.text], "one id from end to end")
        #expect(house.script.withLock { $0.finds } == 0, "nobody asks the network for what is here")
        await house.stop()
    }

    @Test func theEnginesErrorReachesThePersonAndTheJournal() async throws {
        let house = try await FakeHouse()
        house.script.withLock {
            $0.engine.failAt = 0
            $0.engine.error = WireError(.contextLengthExceeded, "too long", fix: "shorten it")
        }
        try await house.start()
        let seen = Seen()
        let error = await house.refused(seen: seen)
        #expect(error?.code == .contextLengthExceeded)
        #expect(error?.fix == "shorten it")
        let told = try await house.job(try #require(seen.withLock { $0.job }))
        #expect(told.record.state == .failed)
        #expect(told.record.reason == "too long")
        #expect(told.record.fix == "shorten it")
        await house.stop()
    }

    @Test func aReceiptThatDoesNotMatchTheAnswerIsNotAccepted() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.engine.tamper = { $0.resultHash = Digest(hashing: "something else") } }
        try await house.start()
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .verificationFailed)
        #expect(house.script.withLock { $0.acceptedReceipts.isEmpty })
        await house.stop()
    }

    @Test(arguments: [("nonsense", ErrorCode.modelNotFound), ("", .invalidRequest)])
    func whatCannotBeAskedForHasACode(model: String, code: ErrorCode) async throws {
        let house = try await FakeHouse()
        try await house.start()
        let error = await house.refused(FakeHouse.request(model), seen: Seen())
        #expect(error?.code == code)
        await house.stop()
    }

    @Test func aDeadEngineSaysWhy() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.inventory = PlannerTests.inventory(ok: false) }
        try await house.start()
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .engineUnavailable)
        #expect(error?.fix == "start it")
        await house.stop()
    }

    @Test func aCallerWhoLeavesCancelsTheJob() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.engine.hangAt = 1 }
        try await house.start()
        let seen = Seen()
        let submitting = Task { try await house.submit(seen: seen) }
        while seen.withLock({ $0.text.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        submitting.cancel()
        await #expect(throws: (any Error).self) { try await submitting.value }
        let job = try #require(seen.withLock { $0.job })
        for _ in 0..<200 where try await !house.job(job).record.state.isFinal {
            try await Task.sleep(for: .milliseconds(10))
        }
        let told = try await house.job(job)
        #expect(told.record.state == .cancelled)
        #expect(told.record.reason == "The caller went away.")
        #expect(house.daemon?.house.ownGate.active == 0, "its place is free again")
        await house.stop()
    }

    @Test func silenceEndsWithinTheDeadline() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.engine.hangAt = 1 }
        try await house.start { $0.aggregator.deadlines.nextPieceMs = 150 }
        let began = ContinuousClock.now
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .deadlineExceeded)
        #expect(began.duration(to: .now) < .seconds(5))
        await house.stop()
    }

    @Test func overTheCapJobsWaitAndOverTheLineTheyAreRefused() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.engine.pauseMs = 60 }
        try await house.start { $0.aggregator.maxConcurrent = 1 }
        let outcomes = try await withThrowingTaskGroup(of: ErrorCode?.self) { group in
            for _ in 0..<3 {
                group.addTask { await house.refused(seen: Seen())?.code }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 2, "one ran, one waited")
        #expect(outcomes.count { $0 == .tooManyRequests } == 1)
        #expect(house.daemon?.house.ownGate.active == 0)
        await house.stop()
    }

    @Test func aJobInFlightEndsWithAReasonWhenTheDaemonIsKilled() async throws {
        let house = try await FakeHouse()
        house.script.withLock { $0.engine.hangAt = 1 }
        try await house.start()
        let seen = Seen()
        let submitting = Task { try await house.submit(seen: seen) }
        while seen.withLock({ $0.text.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        // The journal as a kill would leave it: a copy taken while the job runs.
        let job = try #require(seen.withLock { $0.job })
        let journal = try #require(house.daemon?.house.journal)
        try await journal.commit()
        #expect(try await house.job(job).record.state == .running)
        let copy = house.directory.appending("copy.sqlite")
        try await journal.database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO '\(copy)'") }
        submitting.cancel()
        _ = try? await submitting.value

        let reopened = try JobJournal(path: copy, keep: 100, log: .init(label: "t"))
        #expect(try await reopened.recover(at: 5) == 1)
        let told = try #require(try await reopened.job(job))
        #expect(told.record.state == .failed)
        #expect(told.record.reason == "aggregator-d restarted while the job ran")
        #expect(told.steps.last?.state == .failed)
        await reopened.close()
        await house.stop()
    }

    @Test func modelsAndPlanTellWhatThereIs() async throws {
        let house = try await FakeHouse()
        let other = SecretKey.generate()
        var card = PlannerTests.card("x", price: 7)
        card.provider = other.publicKey
        card.createdAt = WallClock.system.seconds
        card.expiresAt = card.createdAt + 600
        let event = try other.sign(card.template)
        house.script.withLock { $0.cards = [event] }
        try await house.start()
        let plan = try await house.link(as: .ctl).call(AggregatorInterface.Plan(model: "tiny"))
        #expect(plan.candidates.map(\.provider) == [nil, other.publicKey])
        #expect(plan.candidates.first?.chosen == true)
        #expect(plan.summary.contains("run here"))
        let models = try await house.link(as: .ctl).call(AggregatorInterface.Models()).models
        #expect(models.map(\.name) == ["tiny"])
        #expect(models.first?.local == true)
        #expect(models.first?.providers == 1)
        await house.stop()
    }
}
