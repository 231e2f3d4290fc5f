// Proves that what providers say of themselves now counts for more than their cards, and that jobs spread over equals.

import Interfaces
import NodeModel
import Nostr
import Testing
import Wire

@testable import AggregatorCore

@Suite struct StandingTests {
    private static func told(_ name: String, busy: Int, accepts: Bool = true) -> Standing {
        .told(
            ProviderStatus(
                provider: PublicKey(xOnly: Digest(hashing: name)), challenge: "0123456789abcdef",
                accepts: accepts, slots: 4, busy: busy, queued: 0, createdAt: 100), milliseconds: 12)
    }

    private static func names(
        _ standings: [String: Standing], _ cards: [ProviderCard], failures: [String: String] = [:],
        seed: UInt64 = 7
    ) -> [String] {
        PlannerTests.names(
            PlannerTests.plan(
                local: PlannerTests.local([]), cards: cards, failures: failures, standings: standings,
                seed: seed))
    }

    @Test func whatIsToldNowCountsForMoreThanTheCard() {
        let cards = [PlannerTests.card("a", load: 0), PlannerTests.card("b", load: 10)]
        #expect(Self.names([:], cards) == ["a", "b"])
        #expect(
            Self.names(["a": Self.told("a", busy: 3), "b": Self.told("b", busy: 0)], cards) == ["b", "a"])
        // Full, or shut, is worse than dear.
        let dear = [PlannerTests.card("a", price: 1), PlannerTests.card("b", price: 9)]
        for standing in [Self.told("a", busy: 4), Self.told("a", busy: 0, accepts: false)] {
            #expect(Self.names(["a": standing, "b": Self.told("b", busy: 1)], dear) == ["b", "a"])
        }
    }

    @Test func whoIsSilentComesAfterWhoAnswersAndBeforeWhoFailed() {
        let cards = ["a", "b", "c"].map { PlannerTests.card($0) }
        let order = Self.names(
            ["a": .untold("no answer"), "b": Self.told("b", busy: 4), "c": Self.told("c", busy: 0)], cards,
            failures: ["c": "failed"])
        #expect(order == ["b", "a", "c"])
    }

    @Test func thePlanSaysWhatWasHeard() {
        let plan = PlannerTests.plan(
            local: PlannerTests.local([]), cards: [PlannerTests.card("a"), PlannerTests.card("b", load: 9)],
            standings: ["a": Self.told("a", busy: 2), "b": .untold("no answer")])
        #expect(plan.explained[0].reason == "1+1 micro-credits a token, load 7/15 just now, 12 ms away")
        #expect(
            plan.explained[1].reason
                == "1+1 micro-credits a token, load 9/15 by its card; asked now: no answer")
    }

    /// If everybody chose the least loaded, all jobs of the next second would be there; and drawing one alone would
    /// not look at the load at all.
    @Test func amongEqualsTheBetterOfTwoIsChosen() {
        let cards = ["a", "b", "c", "d"].map { PlannerTests.card($0) }
        let standings = [
            "a": Self.told("a", busy: 0), "b": Self.told("b", busy: 1), "c": Self.told("c", busy: 2),
            "d": Self.told("d", busy: 3),
        ]
        var chosen: [String: Int] = [:]
        for seed in 0..<2_000 {
            let order = Self.names(standings, cards, seed: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
            #expect(Set(order).count == 4)
            chosen[order[0], default: 0] += 1
        }
        // Two of four drawn by lot: the better is a in 1/2, b in 1/3, c in 1/6 of the draws, and d never.
        #expect((900...1_100).contains(chosen["a"] ?? 0))
        #expect((570...760).contains(chosen["b"] ?? 0))
        #expect((250...420).contains(chosen["c"] ?? 0))
        #expect(chosen["d"] == nil)
    }

    @Test func aGoodNameCountsForMoreThanALowPriceUpToABound() {
        func first(_ proven: Int64, _ scores: [String: Double]) -> [String] {
            let cards = [PlannerTests.card("a", price: 10), PlannerTests.card("b", price: proven)]
            var input = PlanInput(
                model: "tiny", own: PlannerTests.own, pin: nil, local: PlannerTests.local([]),
                found: PlanInput.Found(cards: cards, leftOut: [], problem: nil), failures: [:],
                seed: 7)
            for (name, score) in scores { input.scores[PublicKey(xOnly: Digest(hashing: name))] = score }
            return PlannerTests.names(Planner.plan(input))
        }
        #expect(!Trust.explores(7))
        #expect(first(20, [:]) == ["a", "b"])
        #expect(first(20, ["b": 0.9]) == ["b", "a"])
        #expect(first(50, ["b": 0.9]) == ["a", "b"])
        // One who failed comes after strangers, and after anybody who costs a fifth more.
        #expect(first(12, ["a": 0.005]) == ["b", "a"])
    }

    @Test func nobodyIsAskedWhenThereIsNoChoice() {
        func asked(_ cards: [ProviderCard], pin: PublicKey? = nil) -> Int {
            Planner.worthAsking(
                PlanInput(
                    model: "tiny", own: PlannerTests.own, pin: pin, local: PlannerTests.local([]),
                    found: PlanInput.Found(cards: cards, leftOut: [], problem: nil), failures: [:])
            ).count
        }
        let cards = (0..<12).map { number in
            var card = PlannerTests.card("provider \(number)")
            card.statusAddress = number == 0 ? nil : "127.0.0.2:\(number)"
            return card
        }
        #expect(asked(Array(cards.prefix(1))) == 0)
        #expect(asked(Array(cards.prefix(2))) == 1)
        #expect(asked(cards, pin: cards[3].provider) == 0)
        #expect(asked(cards) == Planner.mostAsked)
    }

    @Test func whoWasSilentIsNotAskedAgainAtOnce() {
        let provider = PublicKey(xOnly: Digest(hashing: "a"))
        var book = CardBook(penalty: 30)
        #expect(book.silence(provider, now: 100) == nil)
        book.heard(false, from: provider, now: 100)
        #expect(book.silence(provider, now: 129) == 100)
        #expect(book.silence(provider, now: 130) == nil)
        // A card that was made since says that it is back, and so does an answer.
        var card = PlannerTests.card("a")
        card.createdAt = 100
        book.saw([card], now: 110)
        #expect(book.silence(provider, now: 110) == 100)
        card.createdAt = 105
        book.saw([card], now: 110)
        #expect(book.silence(provider, now: 110) == nil)
        book.heard(false, from: provider, now: 120)
        book.heard(true, from: provider, now: 121)
        #expect(book.silence(provider, now: 122) == nil)
        var input = PlanInput(
            model: "tiny", own: PlannerTests.own, pin: nil, local: PlannerTests.local([]),
            found: PlanInput.Found(
                cards: ["a", "b"].map {
                    var card = PlannerTests.card($0)
                    card.statusAddress = "127.0.0.2:1"
                    return card
                }, leftOut: [], problem: nil), failures: [:])
        #expect(Planner.worthAsking(input).count == 2)
        input.standings[provider] = .untold("no answer 3 s ago")
        #expect(Planner.worthAsking(input).map(\.provider) == [PublicKey(xOnly: Digest(hashing: "b"))])
    }

    @Test func anAnswerIsProvenAgain() throws {
        let (key, other) = (SecretKey.generate(), SecretKey.generate())
        let status = ProviderStatus(
            provider: key.publicKey, challenge: "0123456789abcdef", accepts: true, slots: 1, busy: 0,
            queued: 0,
            createdAt: 1)
        let event = try key.sign(status.template)
        func standing(_ provider: PublicKey, _ event: SignedEvent?) -> Standing {
            Standing(DHTInterface.Probe.Answer(provider: provider, status: event, milliseconds: 3))
        }
        #expect(standing(key.publicKey, event) == .told(status, milliseconds: 3))
        #expect(standing(other.publicKey, event) == .untold("its answer is not signed by it"))
        let forged = SignedEvent(event.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(standing(key.publicKey, forged) == .untold("its answer is not signed by it"))
        #expect(standing(key.publicKey, nil) == .untold("no answer"))
        // Who was asked too often a moment ago is there.
        let busy = Standing(
            DHTInterface.Probe.Answer(provider: key.publicKey, problem: "refused: slow down", refused: true))
        #expect(busy == .unsaid("refused: slow down") && !busy.isSilent)
    }

    @Test func theOwnStatusIsWhatExecDSays() {
        var inventory = PlannerTests.inventory(slots: 4, busy: 1)
        inventory.engines = ["ready", "loading"].map { state in
            ExecInterface.Engine(
                container: state, modelRoot: Digest(hashing: state), model: state, state: state, reason: "",
                slots: 2, busy: 0)
        }
        let local = LocalView(entries: .success([]), inventory: .success(inventory))
        func status(_ local: LocalView, serving: Int) -> ProviderStatus {
            Workplace.status(
                of: local, own: PlannerTests.own, challenge: "0123456789abcdef", accepts: true,
                serving: serving, now: 5)
        }
        let now = status(local, serving: 0)
        #expect((now.slots, now.busy, now.load) == (4, 1, 3))
        // A CPU has no free memory of its own, and a GPU whose tool does not tell has none either.
        #expect(now.freeMiB == nil)
        inventory.engineDevices = [nil, 200, 22_817].map {
            ExecInterface.Device(kind: "nvidia", name: "NVIDIA H200", memoryMiB: 24_000, freeMiB: $0)
        }
        let free = status(LocalView(entries: .success([]), inventory: .success(inventory)), serving: 0)
        #expect(free.freeMiB == 22_817)
        #expect(now.hasLoaded(Digest(hashing: "ready")) && !now.hasLoaded(Digest(hashing: "loading")))
        // Jobs that were let in and have not reached exec-d yet count too.
        #expect(status(local, serving: 3).busy == 3)
        let blind = LocalView(entries: .success([]), inventory: .failure(WireError(.unavailable, "down")))
        #expect(!status(blind, serving: 0).accepts && status(blind, serving: 0).load == 15)
    }
}
