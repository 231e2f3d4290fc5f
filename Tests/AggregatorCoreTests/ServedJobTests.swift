// Proves the provider's side: terms, ciphertext only, receipts that are remembered, and both daemons together.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct ServedJobTests {
    static let endpoint = "ws://127.0.0.3:9103/peer"

    /// A client without the model and a provider with it, each with its own aggregator-d.
    static func pair() async throws -> (client: FakeHouse, provider: FakeHouse) {
        let client = try await FakeHouse()
        let provider = try await FakeHouse()
        let card = try provider.card(endpoint: endpoint)
        client.script.withLock {
            $0.entries = []
            $0.cards = [card]
        }
        client.network.withLock { $0[endpoint] = provider }
        try await client.start()
        try await provider.start()
        return (client, provider)
    }

    @Test func twoNodesFinishAJobAndBothKnowIt() async throws {
        let (client, provider) = try await Self.pair()
        let seen = Seen()
        let reply = try await client.submit(seen: seen)
        #expect(seen.withLock { $0.text } == "Hello, world")
        let body = try ReceiptBody(reply.receipt.receipt)
        #expect(body.provider == provider.key.publicKey)
        #expect(body.client == client.key.publicKey)
        #expect(try await provider.eventually { $0.recorded == [reply.receipt] })
        let job = try #require(seen.withLock { $0.job })
        let told = try await provider.job(job)
        #expect(told.record.side == .provider)
        #expect(told.record.peer == client.key.publicKey)
        #expect(told.record.state == .done)
        #expect(told.record.price == 20)
        guard case .sealed = provider.script.withLock({ $0.runs.first?.payload }) else {
            Issue.record("a stranger's prompt was in the clear")
            return
        }
        await client.stop()
        await provider.stop()
    }

    /// Each says by its card that it is idle; only one has room when it is asked.
    @Test(arguments: [0, 1]) func theOneThatHasRoomNowGetsTheJob(_ free: Int) async throws {
        let client = try await FakeHouse()
        let providers = [try await FakeHouse(), try await FakeHouse()]
        let endpoints = ["ws://127.0.0.3:9103/peer", "ws://127.0.0.4:9103/peer"]
        for (number, provider) in providers.enumerated() {
            let card = try provider.card(endpoint: endpoints[number], status: "127.0.0.3:\(number + 1)")
            client.script.withLock {
                $0.entries = []
                $0.cards.append(card)
            }
            client.network.withLock { $0[endpoints[number]] = provider }
            if number != free { provider.script.withLock { $0.inventory = PlannerTests.inventory(busy: 2) } }
            try await provider.start()
        }
        try await client.start()
        let reply = try await client.submit(seen: Seen())
        #expect(try ReceiptBody(reply.receipt.receipt).provider == providers[free].key.publicKey)
        await client.stop()
        for provider in providers { await provider.stop() }
    }

    @Test func anAcceptanceIsBookedOnceHoweverOftenItComes() async throws {
        let (client, provider) = try await Self.pair()
        let reply = try await client.submit(seen: Seen())
        #expect(try await provider.eventually { $0.recorded.count == 1 })
        let again = AggregatorInterface.Accepted(peer: client.key.publicKey, bundle: reply.receipt)
        _ = try await provider.link(as: .ws).call(again)
        let steps = try await provider.job(try ReceiptBody(reply.receipt.receipt).job).steps
        #expect(steps.count { $0.reason.contains("accepted") } == 1)

        let stranger = AggregatorInterface.Accepted(peer: PlannerTests.own, bundle: reply.receipt)
        await #expect(throws: WireError(.notPermitted, "")) {
            try await provider.link(as: .ws).call(stranger)
        }
        let without = AggregatorInterface.Accepted(
            peer: client.key.publicKey, bundle: ReceiptBundle(receipt: reply.receipt.receipt, acceptance: nil)
        )
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await provider.link(as: .ws).call(without)
        }
        await #expect(throws: WireError(.notFound, "")) { try await client.link(as: .ws).call(again) }
        await client.stop()
        await provider.stop()
    }

    @Test func whatIsLeftInAChannelIsAskedOfItsPayeeByTheOneWhoIsItsPayer() async throws {
        let (client, provider) = try await Self.pair()
        let key = provider.key.publicKey
        func ask(_ provider: PublicKey) async throws -> LedgerInterface.Payment {
            try await client.link(as: .ctl).call(
                AggregatorInterface.AskRefund(provider: provider, channel: "one"))
        }
        // Nothing is set aside for a provider that nobody can find.
        await #expect(throws: WireError(.noProvider, "")) { try await ask(key) }
        #expect(client.script.withLock { $0.askedBack } == [])
        _ = try await client.submit(seen: Seen())
        #expect(try await ask(key) == LedgerInterface.AskRefund.example.reply.payment)
        let given = try #require(provider.script.withLock { $0.refunds.first })
        #expect(given.client == client.key.publicKey && given.request == "back one")
        // What the payee says when it refuses is what the payer's people hear.
        provider.script.withLock { $0.takeError = WireError(.conflict, "a job is under way") }
        do {
            _ = try await ask(key)
            Issue.record("a refusal came as an answer")
        } catch let error as WireError {
            #expect(error.code == .conflict && error.message.contains("a job is under way"))
        }
        await client.stop()
        await provider.stop()
    }

    @Test func theSameJobIsNotDoneTwice() async throws {
        let (client, provider) = try await Self.pair()
        _ = try await client.submit(seen: Seen())
        let job = try #require(client.script.withLock { $0.sealed.first })
        let again = AggregatorInterface.Serve(peer: client.key.publicKey, job: job)
        await #expect(throws: WireError(.conflict, "")) {
            try await provider.link(as: .ws).stream(again) { _ in }
        }
        #expect(provider.script.withLock { $0.runs.count } == 1)
        await client.stop()
        await provider.stop()
    }

    @Test func aClientThatLeavesFreesTheProvider() async throws {
        let (client, provider) = try await Self.pair()
        provider.script.withLock { $0.engine.hangAt = 1 }
        let seen = Seen()
        let submitting = Task { try await client.submit(seen: seen) }
        while seen.withLock({ $0.text.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        submitting.cancel()
        _ = try? await submitting.value
        let job = try #require(seen.withLock { $0.job })
        for _ in 0..<200 where try await !provider.job(job).record.state.isFinal {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await provider.job(job).record.state == .cancelled)
        #expect(provider.daemon?.house.servedGate.active == 0)
        await client.stop()
        await provider.stop()
    }

    /// The ledger is told before anything runs; what it refuses does not run.
    @Test func whatTheLedgerDoesNotTakeDoesNotRun() async throws {
        let (client, provider) = try await Self.pair()
        provider.script.withLock { $0.takeError = WireError(.diskFull, "no room") }
        await #expect(throws: WireError.self) { try await client.submit(seen: Seen()) }
        #expect(provider.script.withLock { $0.runs.isEmpty })
        provider.script.withLock { $0.takeError = nil }
        _ = try await client.submit(seen: Seen())
        #expect(provider.script.withLock { $0.taken.count == 1 && $0.runs.count == 1 })
        await client.stop()
        await provider.stop()
    }

    @Test func termsThatAreNotTheCardsAreRefused() throws {
        let key = PublicKey(xOnly: Digest(hashing: "client"))
        let price = UnitPrice(prompt: 1, completion: 2)
        var random = SystemRandomNumberGenerator()
        let good = PeerInterface.RunJob(
            job: JobID(milliseconds: 1, random: &random), model: "tiny", modelRoot: PlannerTests.root,
            payload: SealedPayload(ciphertext: "AA==", wrappedKey: "x", sender: key), maxTokens: 64,
            unitPrice: price)
        let terms = ServeCheck.Terms(
            provide: true, prices: PriceList(price), local: PlannerTests.local([PlannerTests.entry]))
        func code(
            _ peer: PublicKey = key, _ terms: ServeCheck.Terms = terms,
            _ change: (inout PeerInterface.RunJob) -> Void
        ) -> ErrorCode? {
            var job = good
            change(&job)
            do {
                _ = try ServeCheck.entry(AggregatorInterface.Serve(peer: peer, job: job), terms)
                return nil
            } catch { return error.code }
        }
        #expect(code { _ in } == nil)
        #expect(code(PlannerTests.own) { _ in } == .notPermitted)
        #expect(code { $0.maxTokens = 1_000_000 } == nil, "it gets what there is")
        #expect(code { $0.maxTokens = 0 } == .invalidRequest)
        #expect(code { $0.unitPrice.completion = 1 } == .conflict)
        #expect(code { $0.modelRoot = Digest(hashing: "other") } == .modelNotFound)
        #expect(code { $0.model = "other" } == .modelNotFound)
        var closed = terms
        closed.provide = false
        #expect(code(key, closed) { _ in } == .policyRefused)
        var broken = terms
        broken.local = PlannerTests.local([PlannerTests.entry], ok: false)
        #expect(code(key, broken) { _ in } == .engineUnavailable)
    }

    @Test func theCardIsAnnouncedAndTakenBackByTheShell() async throws {
        let house = try await FakeHouse()
        try await house.start { $0.advertise = "ws://127.0.0.2:9102/peer" }
        #expect(try await house.eventually { $0.announced.count == 1 })
        let event = try #require(house.script.withLock { $0.announced.first })
        try event.verify()
        #expect(ProviderCard(event)?.models.map(\.name) == ["tiny"])
        await house.daemon?.drain()
        #expect(house.script.withLock { $0.withdrawals } == 1)
        await house.stop()
    }
}
