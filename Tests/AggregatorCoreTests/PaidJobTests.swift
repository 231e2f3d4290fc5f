// Proves the client's side of jobs that cost money: what is promised, sent, asked again, and taken back; and which offers
// are looked at by what they are paid in.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct PaidJobTests {
    static let usdc = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    static let payTo = PayTo(address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", withdrawDelay: 86_400)

    /// A client that pays in USDC, and one provider who takes nothing else and follows a script.
    static func house(_ change: (inout ProviderScript) -> Void = { _ in }) async throws -> FakeHouse {
        let (house, provider) = try await RemoteJobTests.house(change)
        var card = PlannerTests.card("x", endpoint: RemoteJobTests.endpoint)
        card.provider = provider.publicKey
        card.createdAt = WallClock.system.seconds
        card.expiresAt = card.createdAt + 600
        card.models[0].price = UnitPrice(asset: usdc, prompt: 1, completion: 2)
        card.payTo = payTo
        let event = try provider.sign(card.template)
        house.script.withLock { $0.cards = [event] }
        try await house.start { $0.aggregator.pay = [usdc.rawValue] }
        return house
    }

    private func failure(_ house: FakeHouse) async throws -> WireError? {
        await #expect(throws: WireError.self) { _ = try await house.submit(seen: Seen()) }
    }

    @Test func aVoucherGoesWithTheJobAndStays() async throws {
        let house = try await Self.house()
        let reply = try await house.submit(seen: Seen())
        #expect(reply.record.asset == Self.usdc && reply.record.price == 16)
        let (promises, sealed, releases) = house.script.withLock { ($0.promises, $0.sealed, $0.releases) }
        let promise = try #require(promises.first)
        #expect(promises.count == 1 && sealed.map(\.payment) == ["voucher-1"] && releases.isEmpty)
        #expect(promise.payTo == Self.payTo && promise.asset == Self.usdc && promise.job == sealed[0].job)
        // The most that it can cost covers what it did, and both sides compute the same.
        let price = sealed[0].unitPrice
        #expect(
            promise.amount
                == price.ceiling(sealed: sealed[0].payload.ciphertext, maxTokens: sealed[0].maxTokens))
        #expect(promise.amount >= 512 + 2 * 2)
        await house.stop()
    }

    @Test func aRefusedVoucherIsReplacedOnceByOneThatCoversWhatIsDue() async throws {
        let house = try await Self.house { script in
            script.refusals = 1
            script.error = WireError(.paymentRequired, "54 are due", cause: "what is required")
        }
        let reply = try await house.submit(seen: Seen())
        #expect(reply.record.state == .done)
        let (promises, sealed, releases) = house.script.withLock { ($0.promises, $0.sealed, $0.releases) }
        #expect(promises.map(\.refused) == [nil, "what is required"])
        #expect(sealed.map(\.payment) == ["voucher-1", "voucher-2"] && releases.isEmpty)
        await house.stop()
    }

    @Test func whoRefusesAgainIsLeftWithoutBlameAndThePromiseTakenBack() async throws {
        let house = try await Self.house { script in
            script.refusals = 9
            script.error = WireError(.paymentRequired, "more is due", cause: "what is required")
        }
        #expect(try await failure(house)?.code == .paymentRequired)
        #expect(try await house.eventually { $0.releases.count == 1 })
        #expect(house.script.withLock { $0.sealed.count } == 2)
        let reply = try await house.link(as: .ctl).call(AggregatorInterface.Reputation())
        #expect(reply.standings.allSatisfy { $0.bad == 0 })
        await house.stop()
    }

    @Test func withoutAChannelNobodyIsAsked() async throws {
        let house = try await Self.house()
        house.script.withLock {
            $0.promiseError = WireError(.paymentRequired, "no channel", fix: "open one")
        }
        let error = try await failure(house)
        #expect(error?.code == .paymentRequired && error?.fix == "open one")
        #expect(house.script.withLock { $0.dialled } == [])
        await house.stop()
    }

    @Test func aJobThatFailsOrAReceiptThatLiesTakesThePromiseBack() async throws {
        let changes: [@Sendable (inout ProviderScript) -> Void] = [
            { $0.dieAfter = 1 }, { $0.tamper = { $0.usage.completionTokens = 1_000_000 } },
            { $0.tamper = { $0.resultHash = Digest(hashing: "other") } },
        ]
        for change in changes {
            let house = try await Self.house(change)
            _ = try await failure(house)
            #expect(try await house.eventually { $0.releases.count == 1 })
            let (promises, releases) = house.script.withLock { ($0.promises, $0.releases) }
            #expect(releases.map(\.job) == promises.map(\.job) && !releases[0].served)
            #expect(house.script.withLock { $0.acceptedReceipts } == [])
            await house.stop()
        }
    }

    /// A promise whose end a ledger-d that died had not heard stood for a day.
    @Test func theEndOfAPromiseIsToldUntilItIsHeard() async throws {
        let house = try await Self.house { $0.dieAfter = 1 }
        house.script.withLock {
            $0.releaseErrors = [
                WireError(.unavailable, "it is starting"), WireError(.deadlineExceeded, "it is slow"),
            ]
        }
        _ = try await failure(house)
        #expect(try await house.eventually { $0.releases.count == 1 && $0.releaseErrors.isEmpty })
        await house.stop()
    }

    @Test func offersAreLookedAtByWhatTheyArePaidIn() {
        var paid = PlannerTests.card("a")
        paid.models[0].price.asset = Self.usdc
        paid.payTo = Self.payTo
        var silent = paid
        silent.provider = PublicKey(xOnly: Digest(hashing: "b"))
        silent.payTo = nil
        let credit = PlannerTests.card("c")
        func plan(_ assets: [Asset]) -> Plan {
            Planner.plan(
                PlanInput(
                    model: "tiny", own: PlannerTests.own, local: PlannerTests.local([]),
                    found: .init(cards: [paid, silent, credit], leftOut: []), failures: [:], assets: assets))
        }
        #expect(PlannerTests.names(plan([.testCredit])) == ["c"])
        #expect(PlannerTests.names(plan([Self.usdc])) == ["a"])
        // Prices of two assets are not compared: the first that anybody takes is used.
        #expect(PlannerTests.names(plan([Self.usdc, .testCredit])) == ["a"])
        #expect(PlannerTests.names(plan([.testCredit, Self.usdc])) == ["c"])
        let reasons = plan([Self.usdc]).explained.map(\.reason)
        #expect(reasons.contains { $0.contains("does not say where it is paid") })
        #expect(reasons.contains { $0.contains("wants to be paid in test:credit") })
    }

    @Test func aCardSaysWhereItIsPaidInOneForm() throws {
        let key = SecretKey.generate()
        var card = PlannerTests.card("x")
        card.provider = key.publicKey
        card.payTo = Self.payTo
        let event = try key.sign(card.template)
        #expect(ProviderCard(event) == card)
        for change: (inout PayTo) -> Void in [
            { $0.address = "0x12" }, { $0.withdrawDelay = 899 }, { $0.withdrawDelay = 2_592_001 },
            { $0.address = String(repeating: "z", count: 42) },
        ] {
            var other = card
            other.payTo = other.payTo.map { payTo in
                var payTo = payTo
                change(&payTo)
                return payTo
            }
            #expect(ProviderCard(try key.sign(other.template)) == nil)
        }
        var tags = card.template.tags
        tags.append(["pay", Self.payTo.address, "900"])
        let twice = EventTemplate(
            pubkey: key.publicKey, createdAt: card.createdAt, kind: EventKind.card, tags: tags)
        #expect(ProviderCard(try key.sign(twice)) == nil)
    }
}
