// Proves the client's side against providers that lie, vanish and stall, and both sides against each other.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct RemoteJobTests {
    static let endpoint = "ws://127.0.0.3:9103/peer"

    /// A client without the model, and one provider that follows a script.
    static func house(_ change: (inout ProviderScript) -> Void = { _ in }) async throws -> (
        FakeHouse, SecretKey
    ) {
        let house = try await FakeHouse()
        let provider = SecretKey.generate()
        var script = ProviderScript(key: provider, client: house.key.publicKey)
        change(&script)
        let made = script
        let card = try Self.card(provider, endpoint)
        house.script.withLock {
            $0.entries = []
            $0.cards = [card]
            $0.providers = [endpoint: made]
        }
        return (house, provider)
    }

    static func card(_ key: SecretKey, _ endpoint: String, price: Int64 = 1) throws -> SignedEvent {
        var card = PlannerTests.card("x", price: price, endpoint: endpoint)
        card.provider = key.publicKey
        card.createdAt = WallClock.system.seconds
        card.expiresAt = card.createdAt + 600
        return try key.sign(card.template)
    }

    /// What was seen outlives the process, and is told.
    @Test func aJobThatWentWellIsRemembered() async throws {
        let (house, provider) = try await Self.house()
        try await house.start()
        _ = try await house.submit(seen: Seen())
        for _ in 0..<2 {
            let reply = try await house.link(as: .ctl).call(AggregatorInterface.Reputation())
            let standing = try #require(reply.standings.first)
            #expect(reply.standings.count == 1 && standing.provider == provider.publicKey)
            #expect(standing.good > 0.99 && standing.good <= 1 && standing.bad == 0)
            #expect(standing.score > 0.47 && standing.worth == standing.score)
            await house.kill()
            try await house.start()
        }
        let stranger = SecretKey.generate().publicKey
        let nothing = try await house.link(as: .ctl).call(AggregatorInterface.Reputation(provider: stranger))
        #expect(nothing.standings.map(\.worth) == [Trust.unproven])
        #expect(nothing.standings.first?.lastAt == nil)
        await house.stop()
    }

    @Test func aSealedJobComesBackVerifiedAcceptedAndDelivered() async throws {
        let (house, provider) = try await Self.house()
        try await house.start()
        let seen = Seen()
        let reply = try await house.submit(seen: seen)
        #expect(seen.withLock { $0.text } == "Bonjour")
        #expect(reply.record.side == .client)
        #expect(reply.record.peer == provider.publicKey)
        let sealed = try #require(house.script.withLock { $0.sealed.first })
        #expect(!sealed.payload.ciphertext.contains("hello"))
        #expect(sealed.payload.sender == house.key.publicKey)
        #expect(try await house.eventually { $0.delivered.count == 1 })
        #expect(house.script.withLock { $0.delivered.first } == reply.receipt)
        let journal = try #require(house.daemon?.house.journal)
        for _ in 0..<500 where try await !journal.outbox(limit: 9).isEmpty {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await journal.outbox(limit: 9).isEmpty, "what was delivered is not owed any more")
        await house.stop()
    }

    @Test func aFreshContentKeyIsMadeForEveryAttempt() async throws {
        let (house, _) = try await Self.house()
        try await house.start()
        _ = try await house.submit(seen: Seen())
        _ = try await house.submit(seen: Seen())
        let keys = house.script.withLock { $0.sealed.map(\.payload.wrappedKey) }
        #expect(Set(keys).count == 2)
        await house.stop()
    }

    enum Lie: String, CaseIterable, Sendable {
        case resultHash, requestHash, price, unitPrice, signature, provider, client, job, model,
            tooManyTokens,
            tooFewTokens, promptTokens, skippedPiece, replayedPiece, changedPiece
    }

    @Test(arguments: Lie.allCases) func aLieIsFoundAndNothingIsAccepted(lie: Lie) async throws {
        let (house, provider) = try await Self.house { script in
            switch lie {
            case .resultHash: script.tamper = { $0.resultHash = Digest(hashing: "x") }
            case .requestHash: script.tamper = { $0.requestHash = Digest(hashing: "x") }
            case .price: script.tamper = { $0.price += 1 }
            case .unitPrice:
                script.tamper = {
                    $0.unitPrice.completion += 1
                    $0.price += $0.usage.completionTokens
                }
            case .signature:
                script.forge = { event in
                    let sig = (event.sig.first == "0" ? "1" : "0") + event.sig.dropFirst()
                    return SignedEvent(
                        id: event.id, pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind,
                        tags: event.tags, content: event.content, sig: sig)
                }
            case .provider:
                let other = SecretKey.generate()
                script.forge = { event in
                    guard var body = try? ReceiptBody(unproven: event) else { return event }
                    body.provider = other.publicKey
                    guard let template = try? body.template(), let signed = try? other.sign(template) else {
                        return event
                    }
                    return signed
                }
            case .client: script.tamper = { $0.client = PlannerTests.own }
            case .job:
                script.tamper = { body in
                    if let other = JobID("job_0199d0c2a4b50000000000000000beef") { body.job = other }
                }
            case .model: script.tamper = { $0.modelRoot = Digest(hashing: "x") }
            case .tooManyTokens: script.tamper = { Self.count(&$0, 12, 60) }
            case .tooFewTokens: script.tamper = { Self.count(&$0, 12, 1) }
            case .promptTokens: script.tamper = { Self.count(&$0, 100_000, 2) }
            case .skippedPiece: script.skip = 0
            case .replayedPiece: script.replay = 0
            case .changedPiece: script.flip = 1
            }
        }
        try await house.start()
        let seen = Seen()
        let error = await house.refused(seen: seen)
        #expect(error?.code == .verificationFailed, "\(lie): \(String(describing: error))")
        #expect(house.script.withLock { $0.acceptedReceipts.isEmpty }, "\(lie) was paid for")
        #expect(house.script.withLock { $0.delivered.isEmpty })
        let now = WallClock.system.seconds
        #expect(
            house.daemon?.house.withBook { $0.failure(provider.publicKey, now: now) } != nil,
            "\(lie): no blame")
        let seenBad = house.daemon?.house.withExperience { $0.all(now: now)[provider.publicKey]?.bad } ?? 0
        #expect(seenBad > 0.9, "\(lie): not remembered")
        await house.stop()
    }

    private static func count(_ body: inout ReceiptBody, _ prompt: Int64, _ completion: Int64) {
        body.usage = Usage(promptTokens: prompt, completionTokens: completion)
        body.price = body.unitPrice.total(promptTokens: prompt, completionTokens: completion) ?? 0
    }

    @Test func aProviderThatDiesBeforeTheFirstPieceIsReplaced() async throws {
        let (house, first) = try await Self.house { $0.dieAfter = 0 }
        let second = SecretKey.generate()
        let other = "ws://127.0.0.4:9104/peer"
        let card = try Self.card(second, other, price: 5)
        let script = ProviderScript(key: second, client: house.key.publicKey, pieces: ["Salut"])
        house.script.withLock {
            $0.cards.append(card)
            $0.providers[other] = script
        }
        try await house.start()
        let seen = Seen()
        let reply = try await house.submit(seen: seen)
        #expect(seen.withLock { $0.text } == "Salut")
        #expect(reply.record.peer == second.publicKey)
        #expect(house.script.withLock { $0.dialled } == [Self.endpoint, other])
        // The one that failed is asked last now, although it is cheaper.
        _ = try await house.submit(seen: Seen())
        #expect(house.script.withLock { $0.dialled } == [Self.endpoint, other, other])
        let now = WallClock.system.seconds
        #expect(house.daemon?.house.withBook { $0.failure(first.publicKey, now: now) } != nil)
        await house.stop()
    }

    @Test func aProviderThatDiesInTheMiddleEndsTheJobClearly() async throws {
        let (house, _) = try await Self.house { $0.dieAfter = 1 }
        try await house.start()
        let seen = Seen()
        let error = await house.refused(seen: seen)
        #expect(error?.code == .providerFailed)
        #expect(error?.message.contains("after 1 pieces") == true)
        #expect(error?.fix != nil)
        #expect(seen.withLock { $0.text } == "Bon")
        await house.stop()
    }

    @Test func aProviderThatStallsEndsWithinTheDeadline() async throws {
        let (house, _) = try await Self.house { $0.hangAfter = 1 }
        try await house.start { $0.aggregator.deadlines.nextPieceMs = 150 }
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .deadlineExceeded)
        await house.stop()
    }

    @Test func aProviderThatDoesNotKnowItsOwnPriceIsNotBlamedForAGoodRequest() async throws {
        let (house, provider) = try await Self.house {
            $0.dieAfter = 0
            $0.error = WireError(.contextLengthExceeded, "too long")
        }
        try await house.start()
        let error = await house.refused(seen: Seen())
        #expect(error?.code == .contextLengthExceeded)
        let now = WallClock.system.seconds
        #expect(house.daemon?.house.withBook { $0.failure(provider.publicKey, now: now) } == nil)
        await house.stop()
    }

    /// The network is asked for the first of many jobs, and again when a provider that was remembered has gone.
    @Test func whatWasFoundAMomentAgoIsNotSearchedAgain() async throws {
        let (house, provider) = try await Self.house()
        try await house.start()
        for _ in 0..<3 { _ = try await house.submit(seen: Seen()) }
        #expect(house.script.withLock { $0.finds } == 1)
        // It moved: its old endpoint answers nobody, its new card is in the network.
        let moved = "ws://127.0.0.3:9104/peer"
        let card = try Self.card(provider, moved)
        house.script.withLock { script in
            script.cards = [card]
            script.providers[moved] = script.providers.removeValue(forKey: Self.endpoint)
        }
        let reply = try await house.submit(seen: Seen())
        #expect(reply.record.state == .done && house.script.withLock { $0.finds } == 2)
        let now = WallClock.system.seconds
        #expect(
            house.daemon?.house.withBook { $0.failure(provider.publicKey, now: now) } == nil,
            "whoever has moved has not failed")
        await house.stop()
    }

    @Test func anAcceptanceIsDeliveredAfterARestart() async throws {
        let (house, _) = try await Self.house()
        house.script.withLock { $0.deliveryError = WireError(.unavailable, "the provider is away") }
        try await house.start()
        let reply = try await house.submit(seen: Seen())
        #expect(reply.receipt.acceptance != nil)
        try await Task.sleep(for: .milliseconds(50))
        #expect(house.script.withLock { $0.delivered.isEmpty })
        await house.kill()
        house.script.withLock { $0.deliveryError = nil }
        try await house.start()
        #expect(try await house.eventually { $0.delivered == [reply.receipt] })
        await house.stop()
    }

    @Test func aReceiptKeptBeforeACrashIsAcceptedAfterIt() async throws {
        let (house, _) = try await Self.house()
        house.script.withLock { $0.acceptError = WireError(.policyRefused, "over today's budget") }
        try await house.start()
        let seen = Seen()
        let error = await house.refused(seen: seen)
        #expect(error?.code == .policyRefused)
        let job = try #require(seen.withLock { $0.job })
        let journal = try #require(house.daemon?.house.journal)
        let rows = try await journal.outbox(limit: 9)
        #expect(rows.map(\.key.job) == [job], "the receipt was kept before it was accepted")
        // As after a crash between the two: the budget allows it now, and the row is due.
        house.script.withLock { $0.acceptError = nil }
        journal.append(.postponed(JobKey(job: job, served: false), attempts: 0, nextAt: 0, error: ""))
        house.daemon?.house.outbox.wake()
        #expect(try await house.eventually { $0.delivered.count == 1 })
        let kept = try await house.link(as: .ctl).call(AggregatorInterface.Receipt(job: job))
        #expect(kept.acceptance != nil)
        await house.stop()
    }
}
