// Proves that answers of other nodes are checked after their jobs, that a wrong one has its consequences, and that whoever cannot
// be judged is not blamed.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct VerifierTests {
    /// A client that has the model, too, and sends its jobs to one provider all the same.
    private static func house(_ change: (inout HouseScript) -> Void = { _ in }) async throws -> (
        FakeHouse, PublicKey
    ) {
        let (house, provider) = try await RemoteJobTests.house()
        house.script.withLock {
            $0.entries = [PlannerTests.entry]
            change(&$0)
        }
        try await house.start()
        return (house, provider.publicKey)
    }

    private static func submit(_ house: FakeHouse, to provider: PublicKey) async throws -> JobID {
        var request = FakeHouse.request()
        request.sampling.temperature = 0
        return try await house.submit(request, provider: provider, seen: Seen()).record.job
    }

    /// Waits for a step of a job that says this.
    private static func step(_ house: FakeHouse, _ job: JobID, _ words: String) async throws -> String? {
        for _ in 0..<500 {
            let found = try await house.job(job).steps.map(\.reason).first { $0.contains(words) }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }

    private static func standing(
        _ house: FakeHouse, _ provider: PublicKey
    ) async throws -> AggregatorInterface.Reputation.Standing? {
        try await house.link(as: .ctl).call(AggregatorInterface.Reputation(provider: provider)).standings
            .first
    }

    @Test func aRightAnswerCountsAndIsRememberedOverAKill() async throws {
        let (house, provider) = try await Self.house()
        let job = try await Self.submit(house, to: provider)
        #expect(try await Self.step(house, job, "checked: 25 places") != nil)
        let asked = try #require(house.script.withLock { $0.scored.first })
        #expect(asked.answer == "Bonjour" && asked.ended && asked.model == PlannerTests.root.hex)
        #expect(asked.request.messages == FakeHouse.request().messages)
        for _ in 0..<2 {
            let checked = try #require(try await Self.standing(house, provider)?.checked.first)
            #expect(checked.model == PlannerTests.root && checked.share == 1)
            #expect(checked.right > 0.99 && checked.right <= 1)
            await house.kill()
            try await house.start()
        }
        #expect(try await house.eventually { !$0.testified.isEmpty })
        #expect(house.script.withLock { $0.testified }.compactMap { Evidence($0)?.outcome } == [.ok])
        await house.stop()
    }

    @Test func aWrongAnswerIsTheProvidersAndOthersHearOfIt() async throws {
        let (house, provider) = try await Self.house { $0.reader.gaps = [0, 0, 4, 5, 0, 6] }
        let job = try await Self.submit(house, to: provider)
        let words = try #require(try await Self.step(house, job, "found wrong"))
        #expect(words.contains("3 are further than 1.00") && words.contains("the worst 6.00 nats"))
        #expect(try await house.eventually { !$0.testified.isEmpty })
        let told = house.script.withLock { $0.testified }.compactMap { Evidence($0) }
        #expect(told.map(\.outcome) == [.wrong] && told.map(\.subject) == [provider])
        for _ in 0..<2 {
            let standing = try #require(try await Self.standing(house, provider))
            #expect(standing.good == 0 && standing.bad > 0.99 && standing.score < ExperienceBook.newcomer)
            #expect(standing.checked.map(\.right) == [0])
            await house.kill()
            try await house.start()
        }
        await house.stop()
    }

    /// Words that a form forced look like another model's.
    @Test func anAnswerInAFormIsNotJudgedByItsWords() async throws {
        let (house, provider) = try await Self.house { $0.reader.gaps = [0, 0, 4, 5, 0, 6] }
        var request = FakeHouse.request()
        request.sampling.temperature = 0
        request.format = .object
        let job = try await house.submit(request, provider: provider, seen: Seen()).record.job
        #expect(try await Self.step(house, job, "not checked: its words were held to a form") != nil)
        #expect(house.script.withLock(\.scored).isEmpty)
        await house.stop()
    }

    @Test func nobodyWaitsForACheck() async throws {
        let (house, provider) = try await Self.house { $0.reader.pauseMs = 60_000 }
        let job = try await Self.submit(house, to: provider)
        #expect(try await house.job(job).record.state == .done)
        #expect(try await house.eventually { $0.scored.count == 1 })
        await house.stop()
    }

    @Test func aBusyEngineIsAskedAgainLater() async throws {
        let (house, provider) = try await Self.house {
            $0.reader.errors = [WireError(.tooManyRequests, "busy"), WireError(.engineUnavailable, "died")]
        }
        let job = try await Self.submit(house, to: provider)
        let words = try #require(try await Self.step(house, job, "checked: "))
        #expect(words.hasSuffix("not checked: died"))
        #expect(house.script.withLock { $0.scored.count } == 1)
        let next = try await Self.submit(house, to: provider)
        #expect(try await Self.step(house, next, "; checked: ") != nil)
        #expect(house.script.withLock { $0.scored.count } == 3)
        await house.stop()
    }

    @Test func whatCannotBeCheckedIsSaidAndHeldAgainstNobody() async throws {
        let (house, provider) = try await Self.house { $0.entries = [] }
        let job = try await Self.submit(house, to: provider)
        let words = try #require(try await Self.step(house, job, "not checked"))
        #expect(words.contains("does not have the model"))
        let standing = try #require(try await Self.standing(house, provider))
        #expect(standing.checked.isEmpty && standing.good > 0.99 && standing.bad == 0)
        #expect(try await house.eventually { !$0.testified.isEmpty })
        #expect(house.script.withLock { $0.testified }.compactMap { Evidence($0)?.outcome } == [.ok])
        await house.stop()
    }

    @Test func whoDoesNotWantChecksHasNone() async throws {
        let (house, provider) = try await Self.house()
        await house.kill()
        try await house.start { $0.aggregator.verify.local = false }
        let job = try await Self.submit(house, to: provider)
        #expect(try await house.eventually { !$0.testified.isEmpty })
        #expect(house.script.withLock { $0.scored.isEmpty })
        #expect(try await house.job(job).steps.allSatisfy { !$0.reason.contains("checked:") })
        await house.stop()
    }

    @Test func whoBreaksOffEarlyCannotCallItFullLength() async throws {
        let (house, provider) = try await Self.house()
        house.script.withLock {
            $0.providers[RemoteJobTests.endpoint]?.tamper = { $0.finish = .length }
        }
        let job = try await Self.submit(house, to: provider)
        #expect(try await Self.step(house, job, "checked") != nil)
        #expect(house.script.withLock { $0.scored.map(\.ended) } == [true])
        var request = FakeHouse.request()
        request.sampling.stop = ["x"]
        _ = try await house.submit(request, provider: provider, seen: Seen())
        #expect(try await house.eventually { $0.scored.count == 2 })
        #expect(house.script.withLock { $0.scored.map(\.ended) } == [true, false])
        await house.stop()
    }
}
