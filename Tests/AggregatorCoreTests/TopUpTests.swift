// Proves that an answer that is paid piece by piece is paid ahead of need and no further, that it ends where its vouchers do, and
// that both sides then agree on what was given.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct TopUpTests {
    private static let endpoint = ServedJobTests.endpoint

    private static func quote(_ chunk: Int?, longest: Int = 60) throws -> Quote {
        let key = SecretKey.generate()
        var random = SystemRandomNumberGenerator()
        let quote = Quote(
            provider: key.publicKey, client: SecretKey.generate().publicKey,
            terms: QuoteTerms(
                job: JobID(milliseconds: 1, random: &random), modelRoot: PlannerTests.root,
                payload: Digest(hashing: "sealed"), size: 400,
                unitPrice: UnitPrice(asset: PaidJobTests.usdc, prompt: 1, completion: 2), maxTokens: longest),
            rails: [.batchSettlement], chunk: chunk, createdAt: 1_790_000_000, expiresAt: 1_790_000_120)
        return try #require(Quote(try key.sign(quote.template)))
    }

    @Test func aPlanIsNeverMoreThanAPieceAheadNorLessThanHalfOne() throws {
        #expect(CoverPlan(try Self.quote(nil), FakeHouse.request()) == nil)
        var plan = try #require(CoverPlan(try Self.quote(16), FakeHouse.request()))
        var asked: [Int] = []
        for token in 1...60 {
            // Each comes only when it is covered, as a provider gives it.
            #expect(plan.covered >= token && plan.covered - token < 16 + 1)
            plan.saw(tokens: UInt64(token), weight: 4)
            if let next = plan.next {
                asked.append(next)
                plan.cover(to: next)
            }
            #expect(plan.next == nil)
        }
        #expect(asked == [25, 34, 43, 52, 60])
        // What arrives together is caught up with at once, and what is said again changes nothing.
        var late = try #require(CoverPlan(try Self.quote(16), FakeHouse.request()))
        late.saw(tokens: 16, weight: 64)
        late.saw(tokens: 3, weight: 0)
        #expect(late.received == 16 && late.next == 32)
        late.cover(to: 32)
        late.cover(to: 20)
        #expect(late.covered == 32 && late.next == nil)
    }

    @Test func aProviderThatCountsMoreThanItGivesIsNotPaidForIt() throws {
        var plan = try #require(CoverPlan(try Self.quote(64, longest: 4_000), FakeHouse.request()))
        for _ in 0..<100 {
            plan.saw(tokens: .max, weight: 1)
            while let next = plan.next { plan.cover(to: next) }
        }
        // A hundred bytes are at most so many tokens; one piece ahead of them is the most that is risked.
        #expect(plan.received == 100 + plan.silent && plan.covered <= plan.received + 64)
    }

    @Test func anEngineIsToldOfWhatWasPaidBeforeItBegan() {
        var cover = ServedCover(first: 16)
        #expect(cover.raise(to: 24) == nil && cover.tokens == 24)
        #expect(cover.begin() == 24)
        #expect(cover.begin() == nil && cover.raise(to: 20) == nil && cover.raise(to: 24) == nil)
        #expect(cover.raise(to: 32) == 32)
        var punctual = ServedCover(first: 16)
        #expect(punctual.begin() == nil && punctual.raise(to: 17) == 17)
    }

    /// A client and a provider who is paid in USDC, sixteen tokens at a time, for an answer of sixty.
    private static func pair(
        chunk: Int = 16, _ change: (inout EngineScript) -> Void = { _ in }
    ) async throws -> (client: FakeHouse, provider: FakeHouse) {
        let (client, provider) = (try await FakeHouse(), try await FakeHouse())
        let card = try provider.card(
            endpoint: endpoint, price: UnitPrice(asset: PaidJobTests.usdc, prompt: 1, completion: 2),
            payTo: PaidJobTests.payTo)
        client.script.withLock {
            $0.entries = []
            $0.cards = [card]
        }
        provider.script.withLock {
            $0.engine.pieces = (0..<60).map { " word\($0)" }
            $0.engine.tamper = { $0.usage.completionTokens = min($0.usage.completionTokens, 60) }
            change(&$0.engine)
        }
        client.network.withLock { $0[endpoint] = provider }
        try await client.start { $0.aggregator.pay = [PaidJobTests.usdc.rawValue] }
        try await provider.start {
            $0.aggregator.price = PriceSection(
                prompt: 1, completion: 2, asset: PaidJobTests.usdc.rawValue, chunk: chunk)
        }
        return (client, provider)
    }

    @Test func anAnswerIsPaidWhileItComes() async throws {
        let (client, provider) = try await Self.pair()
        let seen = Seen()
        let reply = try await client.submit(seen: seen)
        #expect(seen.withLock { $0.events.count { $0.stage == .token } } == 60)
        #expect(reply.finish == .stop && reply.record.usage?.completionTokens == 60)
        let paid = client.script.withLock { $0.topUps }
        let taken = provider.script.withLock { $0.takenTopUps }
        #expect((3...6).contains(paid.count) && paid.last?.tokens == 64)
        #expect(paid.map(\.tokens) == paid.map(\.tokens).sorted() && paid.allSatisfy { $0.refused == nil })
        // The last pays ahead of need: it may come when the answer has ended, and is taken by nobody then.
        #expect(taken.count >= paid.count - 1)
        #expect(taken.map(\.tokens) == paid.map(\.tokens).prefix(taken.count).map { $0 })
        #expect(taken.allSatisfy { $0.client == client.key.publicKey && $0.job == paid[0].job })
        #expect(provider.script.withLock { $0.runs.map(\.allowance) } == [16])
        await client.stop()
        await provider.stop()
    }

    @Test func whereOneVoucherPaysForAllThereIsNoOther() async throws {
        let (client, provider) = try await Self.pair(chunk: 128)
        _ = try await client.submit(seen: Seen())
        #expect(client.script.withLock { $0.topUps.isEmpty })
        #expect(provider.script.withLock { $0.runs.map(\.allowance) } == [nil])
        await client.stop()
        await provider.stop()
    }

    /// Its ledger refuses to risk more: the provider ends the answer, and both agree on what was given.
    @Test func anAnswerEndsWhereItsVouchersDo() async throws {
        let (client, provider) = try await Self.pair { $0.patience = 20 }
        client.script.withLock {
            $0.topUpErrors = [WireError(.policyRefused, "more than is risked")]
        }
        let seen = Seen()
        let reply = try await client.submit(seen: seen)
        #expect(reply.finish == .length && reply.record.usage?.completionTokens == 16)
        #expect(seen.withLock { $0.events.count { $0.stage == .token } } == 16)
        #expect(reply.record.reason.contains("ended early, after 16 tokens"))
        #expect(client.script.withLock { $0.acceptedReceipts.count == 1 && $0.releases.isEmpty })
        #expect(try await provider.eventually { $0.recorded.count == 1 })
        await client.stop()
        await provider.stop()
    }

    @Test func aRefusedVoucherIsReplacedOnceAndARestartIsWaitedFor() async throws {
        let (client, provider) = try await Self.pair()
        provider.script.withLock {
            $0.takeTopUpErrors = [
                WireError(.unavailable, "restarting"),
                WireError(.paymentRequired, "54 are due", cause: "what is required"),
            ]
        }
        let reply = try await client.submit(seen: Seen())
        #expect(reply.finish == .stop)
        let paid = client.script.withLock { $0.topUps }
        #expect(paid.prefix(3).map(\.refused) == [nil, "what is required", nil])
        #expect(Set(paid.prefix(3).map(\.tokens)).count == 1)
        await client.stop()
        await provider.stop()
    }

    @Test func aVoucherIsForAJobUnderWayOfItsOwnClient() async throws {
        let (client, provider) = try await Self.pair { $0.hangAt = 8 }
        let seen = Seen()
        let running = Task { try await client.submit(seen: seen) }
        #expect(try await provider.eventually { !$0.runs.isEmpty })
        let job = try #require(provider.script.withLock { $0.runs.first?.job })
        func pay(_ peer: PublicKey, _ job: JobID) async throws {
            _ = try await provider.link(as: .ws).call(
                AggregatorInterface.TopUp(
                    peer: peer, topUp: .init(job: job, tokens: 30, payment: "piece to 30")))
        }
        await #expect(throws: WireError(.notFound, "")) { try await pay(PlannerTests.own, job) }
        await #expect(throws: WireError(.notFound, "")) {
            try await pay(client.key.publicKey, LedgerInterface.TopUp.example.request.job)
        }
        #expect(provider.script.withLock { $0.takenTopUps.isEmpty })
        try await pay(client.key.publicKey, job)
        #expect(provider.script.withLock { $0.takenTopUps.count } == 1)
        running.cancel()
        _ = try? await running.value
        await client.stop()
        await provider.stop()
    }
}
