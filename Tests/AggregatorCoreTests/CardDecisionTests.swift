// Proves when this node's card is announced, renewed and taken back.

import Interfaces
import NodeModel
import Testing
import Wire

@testable import AggregatorCore

@Suite struct CardDecisionTests {
    static func facts(
        now: Int64, local: LocalView = PlannerTests.local([PlannerTests.entry]), provide: Bool = true,
        endpoint: String = "ws://127.0.0.2:9102/peer"
    ) -> CardDecision.Facts {
        CardDecision.Facts(
            own: PlannerTests.own, provide: provide, endpoint: endpoint,
            price: UnitPrice(prompt: 1, completion: 2),
            context: 1024, local: local, interval: 300, lifetime: 1200, now: now)
    }

    static func announced(_ decision: inout CardDecision, now: Int64, others: Bool = true) throws
        -> ProviderCard
    {
        guard case .announce(let card) = decision.on(facts(now: now)) else {
            throw WireError(.internalError, "no card")
        }
        decision.attempted(card, stored: true, others: others, interval: 300, now: now)
        return card
    }

    @Test func theCardSaysWhatTheNodeHas() throws {
        var decision = CardDecision()
        let card = try Self.announced(&decision, now: 1000)
        #expect(card.models.map(\.name) == ["tiny"])
        #expect(card.models.first?.context == 1024, "a slot is smaller than the model's own context")
        #expect(card.expiresAt == 2200)
        #expect(card.isPlausible)
    }

    @Test func theCardNamesTheClassOfItsAccelerator() throws {
        func device(_ kind: String, _ name: String) throws -> String {
            var local = PlannerTests.local([PlannerTests.entry])
            var inventory = try local.inventory.get()
            inventory.devices = [
                .init(kind: kind, name: name, memoryMiB: 143_771),
                .init(kind: "cpu", name: "x", memoryMiB: 1),
            ]
            local.inventory = .success(inventory)
            var decision = CardDecision()
            guard case .announce(let card) = decision.on(Self.facts(now: 1, local: local)) else { return "" }
            return card.device
        }
        #expect(try device("nvidia", "NVIDIA H200") == "nvidia-h200")
        #expect(try device("amd", "0x") == "amd-0x")
        #expect(try device("nvidia", "NVIDIA Graphics Device") == "nvidia")
        #expect(try device("cpu", "AMD EPYC 9B14") == "cpu")
    }

    @Test func itIsRenewedInTimeAndQuicklyWhileAlone() throws {
        var decision = CardDecision()
        _ = try Self.announced(&decision, now: 1000)
        #expect(decision.on(Self.facts(now: 1299)) == .rest("the card is in the network"))
        guard case .announce(let again) = decision.on(Self.facts(now: 1300)) else {
            Issue.record("not renewed")
            return
        }
        #expect(again.createdAt == 1300)
        var lonely = CardDecision()
        var now: Int64 = 1000
        var pauses: [Int64] = []
        for _ in 0..<8 {
            _ = try Self.announced(&lonely, now: now, others: false)
            let start = now
            while case .rest = lonely.on(Self.facts(now: now)) { now += 1 }
            pauses.append(now - start)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
    }

    @Test func aChangeOfModelsIsAnnouncedAtOnce() throws {
        var decision = CardDecision()
        _ = try Self.announced(&decision, now: 1000)
        var other = PlannerTests.entry
        other.name = "second"
        other.root = Digest(hashing: "second")
        let more = PlannerTests.local([PlannerTests.entry, other])
        guard case .announce(let card) = decision.on(Self.facts(now: 1003, local: more)) else {
            Issue.record("not announced")
            return
        }
        #expect(card.models.count == 2)
    }

    @Test func fullnessIsAnnouncedButNotEveryJob() throws {
        var decision = CardDecision()
        _ = try Self.announced(&decision, now: 1000)
        let half = PlannerTests.local([PlannerTests.entry], busy: 1)
        #expect(decision.on(Self.facts(now: 1100, local: half)) == .rest("the card is in the network"))
        let full = PlannerTests.local([PlannerTests.entry], busy: 2)
        #expect(decision.on(Self.facts(now: 1010, local: full)) == .rest("the card is in the network"))
        guard case .announce(let card) = decision.on(Self.facts(now: 1016, local: full)) else {
            Issue.record("a full node must say so")
            return
        }
        #expect(card.load == 15)
    }

    @Test func whatCannotServeIsWithdrawnOnceAndComesBack() throws {
        var decision = CardDecision()
        _ = try Self.announced(&decision, now: 1000)
        let broken = Self.facts(now: 1003, local: PlannerTests.local([PlannerTests.entry], ok: false))
        guard case .withdraw(let reason) = decision.on(broken) else {
            Issue.record("not withdrawn")
            return
        }
        #expect(reason.contains("docker"))
        guard case .rest = decision.on(broken) else {
            Issue.record("withdrawn twice")
            return
        }
        _ = try Self.announced(&decision, now: 1010)
    }

    @Test func nothingIsSaidByANodeThatCannotOrWillNotServe() {
        var decision = CardDecision()
        for facts in [
            Self.facts(now: 1, provide: false), Self.facts(now: 1, endpoint: ""),
            Self.facts(now: 1, local: PlannerTests.local([])),
        ] {
            guard case .rest(let reason) = decision.on(facts) else {
                Issue.record("announced")
                return
            }
            #expect(!reason.isEmpty)
        }
    }

    @Test func aDrainedNodeTakesItsCardBackAndAnnouncesItAgainAfterwards() throws {
        var decision = CardDecision()
        _ = try Self.announced(&decision, now: 1000)
        var facts = Self.facts(now: 1001)
        facts.takesJobs = false
        guard case .withdraw(let reason) = decision.on(facts) else {
            Issue.record("the card of a node that refuses every job is still out")
            return
        }
        #expect(reason.contains("drained"))
        _ = try Self.announced(&decision, now: 1002)
    }
}
