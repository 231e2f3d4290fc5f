// Proves that others hear how jobs went: well when the receipt was accepted, ill when it did not hold, and nothing when the
// owner does not want it; and that what others say is taken as far as they are trusted.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct WitnessTests {
    private static func evidence(
        by client: SecretKey, on provider: SecretKey, _ job: Int, _ outcome: Evidence.Outcome
    ) throws -> SignedEvent {
        let now = WallClock.system.seconds
        let foil = Counterfoil(
            provider: provider.publicKey, client: client.publicKey, receipt: Digest(hashing: "job \(job)"),
            usage: Usage(promptTokens: 1, completionTokens: 1), price: 1, asset: .testCredit, finishedAt: now)
        let signature = try #require(Hex.decode(try provider.sign(foil.template).sig, count: 64))
        return try client.sign(
            Evidence(counterfoil: foil, signature: signature, outcome: outcome, createdAt: now).template)
    }

    @Test func aJobThatWentWellIsToldOnce() async throws {
        let (house, provider) = try await RemoteJobTests.house()
        try await house.start()
        _ = try await house.submit(seen: Seen())
        _ = try await house.submit(seen: Seen())
        #expect(try await house.eventually { !$0.testified.isEmpty })
        let told = house.script.withLock { $0.testified }
        let evidence = try #require(told.first.flatMap { Evidence($0) })
        #expect(told.count == 1 && evidence.outcome == .ok)
        #expect(evidence.subject == provider.publicKey && evidence.rater == house.key.publicKey)
        #expect(house.script.withLock { $0.acceptedReceipts }.contains(evidence.counterfoil.receipt.hex))
        await house.stop()
    }

    @Test func aLieIsToldAndNeverAsGood() async throws {
        let (house, provider) = try await RemoteJobTests.house {
            $0.tamper = { $0.resultHash = Digest(hashing: "x") }
        }
        try await house.start()
        #expect(await house.refused(seen: Seen())?.code == .verificationFailed)
        #expect(try await house.eventually { !$0.testified.isEmpty })
        let told = house.script.withLock { $0.testified }.compactMap { Evidence($0) }
        #expect(told.map(\.outcome) == [.wrong] && told.map(\.subject) == [provider.publicKey])
        await house.stop()
    }

    @Test func whoDoesNotWantToTellTellsNothing() async throws {
        let (house, _) = try await RemoteJobTests.house()
        try await house.start { $0.aggregator.testify = false }
        _ = try await house.submit(seen: Seen())
        // What is told is told before the next job has ended: the line has one place after the other.
        _ = try await house.submit(seen: Seen())
        #expect(house.script.withLock { $0.testified.isEmpty })
        await house.stop()
    }

    @Test func aValidatorsWordsCountAndAStrangersDoNot() async throws {
        let (house, provider) = try await RemoteJobTests.house()
        let (validator, stranger) = (SecretKey.generate(), SecretKey.generate())
        var said = try (0..<8).map { try Self.evidence(by: validator, on: provider, $0, .ok) }
        said += try (0..<8).map { try Self.evidence(by: stranger, on: provider, 100 + $0, .wrong) }
        // A forged one, and one of this node itself, which its own experience has already.
        said.append(
            SignedEvent(
                try Self.evidence(by: validator, on: provider, 50, .wrong).template,
                signature: [UInt8](repeating: 7, count: 64)))
        said.append(try Self.evidence(by: house.key, on: provider, 60, .wrong))
        let all = said
        house.script.withLock { $0.testimony[provider.publicKey] = all }
        try await house.start { $0.aggregator.validators = [validator.publicKey.hex] }
        let plan = AggregatorInterface.Plan(model: "tiny")
        _ = try await house.link(as: .ctl).call(plan)
        // Meets the card first, then asks; once more by hand, as the daemon takes its time.
        let witness = try #require(house.daemon?.house.witness)
        await witness.listen()
        let request = AggregatorInterface.Reputation(provider: provider.publicKey)
        let reply = try await house.link(as: .ctl).call(request)
        let standing = try #require(reply.standings.first)
        #expect(standing.believed == 1 && standing.ignored == 1)
        #expect(standing.others.good > 7.9 && standing.others.bad == 0 && standing.good == 0)
        let words = try #require(standing.words)
        #expect(words.map(\.rater) == [validator.publicKey, stranger.publicKey])
        #expect(words.map(\.trust) == [1, 0])
        #expect(standing.score > Trust.unproven && standing.worth == standing.score)
        #expect(reply.weights.own.good == Experience.weight.good)
        let again = try await house.link(as: .ctl).call(plan)
        #expect(
            again.candidates.first?.reason.contains("score \(Int((standing.score * 100).rounded()))") == true)
        await house.stop()
    }
}
