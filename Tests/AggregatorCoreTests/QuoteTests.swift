// Proves when a provider says a price and when it does not, what a client does with what it is told, and that strangers get
// only so many quotes.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct QuoteTests {
    private static let price = UnitPrice(asset: PaidJobTests.usdc, prompt: 1, completion: 2)

    private static func terms(_ change: (inout QuoteTerms) -> Void = { _ in }) -> QuoteTerms {
        var random = SystemRandomNumberGenerator()
        var terms = QuoteTerms(
            job: JobID(milliseconds: 1_790_000_000_000, random: &random), modelRoot: PlannerTests.root,
            payload: Digest(hashing: "sealed"), size: 624, unitPrice: price, maxTokens: 64)
        change(&terms)
        return terms
    }

    private static func ask(
        _ house: FakeHouse, _ terms: QuoteTerms = terms(), model: String = "tiny", as client: SecretKey
    ) async throws -> SignedEvent {
        try await house.link(as: .ws).call(
            AggregatorInterface.Quote(
                peer: client.publicKey, quote: PeerInterface.Quote(model: model, terms: terms)))
    }

    private static func start(
        _ change: (inout AggregatorConfig) -> Void = { _ in }
    ) async throws -> FakeHouse {
        let house = try await FakeHouse()
        try await house.start {
            $0.aggregator.price.asset = PaidJobTests.usdc.rawValue
            ($0.aggregator.price.prompt, $0.aggregator.price.completion) = (1, 2)
            change(&$0)
        }
        return house
    }

    @Test func whatWouldBeTakenIsPricedAndNothingElse() async throws {
        let house = try await Self.start()
        let client = SecretKey.generate()
        let terms = Self.terms()
        let quote = try #require(Quote(try await Self.ask(house, terms, as: client)))
        #expect(quote.terms == terms && quote.client == client.publicKey)
        let wrong: [(ErrorCode, (inout QuoteTerms) -> Void)] = [
            (.conflict, { $0.unitPrice.prompt = 2 }), (.conflict, { $0.unitPrice.asset = .testCredit }),
            (.modelNotFound, { $0.modelRoot = Digest(hashing: "another") }),
            (.invalidRequest, { $0.maxTokens = 0 }), (.invalidRequest, { $0.size = 0 }),
        ]
        for (code, change) in wrong {
            let asked = Self.terms(change)
            await #expect(throws: WireError(code, "")) { try await Self.ask(house, asked, as: client) }
        }
        await #expect(throws: WireError(.modelNotFound, "")) {
            try await Self.ask(house, Self.terms(), model: "another", as: client)
        }
        // Nothing is kept free for it, and nothing is signed where nobody is taken in.
        #expect(house.daemon?.house.servedGate.active == 0)
        _ = try await house.link(as: .supervisor).call(AggregatorInterface.Admit(open: false))
        await #expect(throws: WireError(.draining, "")) { try await Self.ask(house, as: client) }
        _ = try await house.link(as: .supervisor).call(AggregatorInterface.Admit(open: true))
        var tickets: [Gate.Ticket] = []
        let gate = try #require(house.daemon?.house.servedGate)
        while gate.hasRoom { tickets.append(try gate.enter()) }
        await #expect(throws: WireError(.tooManyRequests, "")) { try await Self.ask(house, as: client) }
        for ticket in tickets { gate.leave(ticket) }
        _ = try await Self.ask(house, as: client)
        #expect(house.script.withLock { $0.quoted.count } == 2)
        await house.stop()
    }

    @Test func whoWorksForNobodyOrForTestCreditsSignsNone() async throws {
        for change in [{ $0.aggregator.provide = false }, { $0.aggregator.price.asset = "test:credit" }]
            as [(inout AggregatorConfig) -> Void]
        {
            let house = try await Self.start(change)
            var terms = Self.terms()
            terms.unitPrice.asset = .testCredit
            let credits = terms
            for asked in [Self.terms(), credits] {
                await #expect(throws: WireError.self) { try await Self.ask(house, asked, as: .generate()) }
            }
            #expect(house.script.withLock { $0.quoted.isEmpty })
            await house.stop()
        }
    }

    @Test func aStrangerGetsOnlySoMany() async throws {
        let house = try await Self.start()
        let (client, other) = (SecretKey.generate(), SecretKey.generate())
        var given = 0
        var refusal: WireError?
        while refusal == nil, given < 200 {
            do {
                _ = try await Self.ask(house, as: client)
                given += 1
            } catch let error as WireError { refusal = error }
        }
        #expect(given >= Int(QuoteAllowance.one.burst) && given < 200)
        #expect(refusal?.code == .tooManyRequests && refusal?.retryAfterMs != nil)
        _ = try await Self.ask(house, as: other)
        await house.stop()
    }

    @Test func theQuoteGoesWithTheJobAndStaysInItsStory() async throws {
        let house = try await PaidJobTests.house()
        let seen = Seen()
        let reply = try await house.submit(seen: seen)
        let (asked, promises, sealed) = house.script.withLock { ($0.asked, $0.promises, $0.sealed) }
        #expect(asked.count == 1 && promises.count == 1 && sealed.count == 1)
        let quote = try #require(sealed[0].quote)
        #expect(promises[0].quote == quote && promises[0].terms == asked[0].quote.terms)
        // What was priced is what left.
        #expect(
            asked[0].quote.terms
                == QuoteTerms(
                    job: sealed[0].job, modelRoot: sealed[0].modelRoot, payload: sealed[0].payload,
                    unitPrice: sealed[0].unitPrice, maxTokens: sealed[0].maxTokens))
        #expect(reply.record.quote == quote.id)
        #expect(try await house.job(sealed[0].job).record.quote == quote.id)
        await house.stop()
    }

    @Test func whoQuotesSomethingElseGetsNoJobAndIsBlamed() async throws {
        let house = try await PaidJobTests.house { script in
            script.misquote = { $0.unitPrice.completion += 1 }
        }
        await #expect(throws: WireError.self) { _ = try await house.submit(seen: Seen()) }
        #expect(house.script.withLock { $0.promises.isEmpty && $0.dialled.isEmpty })
        let reply = try await house.link(as: .ctl).call(AggregatorInterface.Reputation())
        #expect(reply.standings.contains { $0.bad > 0 })
        await house.stop()
    }

    @Test func whoHasNoQuoteNowIsLeftWithoutBlame() async throws {
        let house = try await PaidJobTests.house { script in
            script.quoteError = WireError(.paymentRequired, "not now")
        }
        await #expect(throws: WireError(.paymentRequired, "")) { _ = try await house.submit(seen: Seen()) }
        #expect(house.script.withLock { $0.promises.isEmpty && $0.dialled.isEmpty && $0.releases.isEmpty })
        let reply = try await house.link(as: .ctl).call(AggregatorInterface.Reputation())
        #expect(reply.standings.allSatisfy { $0.bad == 0 })
        await house.stop()
    }

    @Test func jobsForTestCreditsGoWithout() async throws {
        let (client, provider) = try await ServedJobTests.pair()
        let reply = try await client.submit(seen: Seen())
        #expect(reply.record.quote == nil)
        #expect(client.script.withLock { $0.asked.isEmpty && $0.sealed.allSatisfy { $0.quote == nil } })
        #expect(provider.script.withLock { $0.quoted.isEmpty && $0.takes.allSatisfy { $0.quoted == nil } })
        await client.stop()
        await provider.stop()
    }

    @Test func theProvidersLedgerIsToldWhatCameAndNotWhatWasSaidOfIt() async throws {
        let (client, provider) = try await ServedJobTests.pair()
        await client.kill()
        await provider.kill()
        let card = try provider.card(
            endpoint: ServedJobTests.endpoint, price: Self.price, payTo: PaidJobTests.payTo)
        client.script.withLock { $0.cards = [card] }
        try await client.start { $0.aggregator.pay = [PaidJobTests.usdc.rawValue] }
        try await provider.start { $0.aggregator.price.asset = PaidJobTests.usdc.rawValue }
        let reply = try await client.submit(seen: Seen())
        let sealed = try #require(client.script.withLock { $0.sealed.first })
        let takes = provider.script.withLock { $0.takes }
        #expect(takes.count == 2 && takes[0].quoted == takes[1].quoted)
        let quoted = try #require(takes.first?.quoted)
        #expect(quoted.event == sealed.quote && quoted.payload == Digest(hashing: sealed.payload.ciphertext))
        #expect(quoted.size == sealed.payload.ciphertext.utf8.count)
        #expect(try await provider.job(reply.record.job).record.quote == sealed.quote?.id)
        await client.stop()
        await provider.stop()
    }
}

@Suite struct QuoteAllowanceTests {
    private func key(_ number: Int) -> PublicKey { PublicKey(xOnly: Digest(hashing: "\(number)")) }

    @Test func oneClientHasABurstAndThenARate() {
        var allowance = QuoteAllowance()
        for _ in 0..<32 { #expect(allowance.take(key(1), at: 1_000) == nil) }
        let wait = allowance.take(key(1), at: 1_000)
        #expect(wait == 126)
        #expect(allowance.take(key(1), at: 1_100) != nil)
        #expect(allowance.take(key(1), at: 1_126) == nil)
        #expect(allowance.take(key(1), at: 1_126) != nil)
        // Another has its own; a clock that went back gives nothing.
        #expect(allowance.take(key(2), at: 1_126) == nil)
        #expect(allowance.take(key(1), at: 0) != nil)
        for _ in 0..<32 { #expect(allowance.take(key(1), at: 60_000) == nil) }
        #expect(allowance.take(key(1), at: 60_000) != nil)
    }

    @Test func freshKeysShareWhatIsThereForAll() {
        var allowance = QuoteAllowance()
        var given = 0
        for number in 0..<1_000 where allowance.take(key(number), at: 5_000) == nil { given += 1 }
        #expect(given == 256)
        for number in 1_000..<2_000 where allowance.take(key(number), at: 6_000) == nil { given += 1 }
        // Those that it has no room to remember wait; what comes in a second is there for all.
        #expect(given <= 256 + 64)
        // Later the old ones are forgotten.
        #expect(allowance.take(key(5_000), at: 60_000) == nil)
    }
}
