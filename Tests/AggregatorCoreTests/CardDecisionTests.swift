// Proves when this node's card is announced, renewed and taken back.

import Interfaces
import NodeConfig
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
            prices: PriceList(UnitPrice(prompt: 1, completion: 2)),
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
            inventory.engineDevices = [
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

    /// The card for an inventory.
    private func card(_ change: (inout ExecInterface.Inventory.Reply) -> Void) throws -> ProviderCard {
        var local = PlannerTests.local([PlannerTests.entry])
        var inventory = try local.inventory.get()
        change(&inventory)
        local.inventory = .success(inventory)
        var decision = CardDecision()
        guard case .announce(let card) = decision.on(Self.facts(now: 1, local: local)) else {
            throw WireError(.internalError, "no card")
        }
        return card
    }

    @Test func aGPUThatNoEngineIsGivenIsNotOnTheCard() throws {
        let gpu = ExecInterface.Device(kind: "nvidia", name: "NVIDIA H200", memoryMiB: 143_771)
        let cpu = ExecInterface.Device(kind: "cpu", name: "x", memoryMiB: 768)
        let idle = try card {
            $0.devices = [gpu, cpu]
            $0.engineDevices = [cpu]
        }
        #expect(idle.device == "cpu" && idle.memoryMiB == 768 && idle.deviceCount == nil)
        // An older exec-d says nothing of it: its engines know the CPU alone.
        #expect(try card { $0.devices = [gpu, cpu] }.device == "cpu")
        let two = try card {
            $0.engineDevices = [gpu, .init(kind: "nvidia", name: "RTX 4090", memoryMiB: 24_000), gpu, cpu]
        }
        #expect(two.device == "nvidia-h200" && two.deviceCount == 2 && two.memoryMiB == 2 * 143_771)
        #expect(two.isPlausible)
        #expect(try card { $0.engineDevices = [gpu] }.deviceCount == nil)
    }

    private func entry(_ number: Int, name: String, size: Int64 = 1) -> ContentInterface.Entry {
        ContentInterface.Entry(
            name: name, root: Digest(hashing: name), sha256: Digest(hashing: name), manifest: "m", size: size,
            format: "gguf", metadata: [:], addedAt: Int64(number))
    }

    @Test func aCardNamesAsManyModelsAsItHolds() throws {
        let names = (0..<10).map { "\($0)" + String(repeating: "x", count: 63) }
        let entries = names.enumerated().map { entry($0, name: $1) }
        let usdc = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
        var facts = Self.facts(now: 1_790_000_000, local: PlannerTests.local(entries))
        facts.prices = PriceList(UnitPrice(asset: usdc, prompt: 1_000_000_000, completion: 1_000_000_000))
        facts.payTo = PayTo(address: "0x" + String(repeating: "a", count: 40), withdrawDelay: 86_400)
        facts.statusAddress = "127.0.0.2:9200"
        var decision = CardDecision()
        guard case .announce(let card) = decision.on(facts) else {
            Issue.record("no card")
            return
        }
        #expect(card.size <= ProviderCard.maximumSize)
        #expect(
            !card.models.isEmpty
                && card.models.map(\.name) == Array(names.reversed().prefix(card.models.count)))
        #expect(decision.leftOut.map(\.name) == Array(names.reversed().dropFirst(card.models.count)))
        #expect(decision.leftOut.contains { $0.reason.contains("1000 bytes") })
        #expect(decision.leftOut.last?.reason.contains("8 models") == true)
        // One more would be too much.
        var fuller = card
        fuller.models.append(fuller.models[0])
        #expect(fuller.size > ProviderCard.maximumSize)
        // Short names: the number is what bounds it, and a name that no card can hold spoils nothing.
        let short =
            (0..<9).map { entry($0, name: "m\($0)") } + [entry(20, name: String(repeating: "y", count: 65))]
        guard
            case .announce(let other) = decision.on(
                Self.facts(now: 1_790_000_001, local: PlannerTests.local(short)))
        else {
            Issue.record("no card")
            return
        }
        let newest = (0..<9).reversed().map { "m\($0)" }
        #expect(
            other.models.count > 4
                && other.models.map(\.name) == newest.prefix(other.models.count).map(\.self))
        #expect(
            decision.leftOut.map(\.name)
                == [String(repeating: "y", count: 65)] + newest.dropFirst(other.models.count))
    }

    @Test func whatCannotRunHereIsNotOffered() throws {
        var local = PlannerTests.local([
            entry(1, name: "small"), entry(2, name: "huge", size: 4 << 30), entry(3, name: "broken"),
            entry(4, name: "rotten"),
        ])
        var inventory = try local.inventory.get()
        inventory.engineMemoryMiB = 768
        inventory.problems = [
            .init(root: Digest(hashing: "broken"), model: "broken", reason: "exit code 1", fix: "look")
        ]
        local.inventory = .success(inventory)
        var entries = try local.entries.get()
        entries[3].problem = "its bytes do not have its address"
        local.entries = .success(entries)
        var decision = CardDecision()
        guard case .announce(let card) = decision.on(Self.facts(now: 1, local: local)) else {
            Issue.record("no card")
            return
        }
        #expect(card.models.map(\.name) == ["small"])
        #expect(Set(decision.leftOut.map(\.name)) == ["huge", "broken", "rotten"])
        #expect(decision.leftOut.first { $0.name == "huge" }?.reason.contains("768 MiB") == true)
        let check = CardKeeper.check(local)
        #expect(check.ok, "it has one to work with")
        #expect(check.reason.contains("'huge' has 4096 MiB") && check.reason.contains("3 of 4"))
        var alone = local
        alone.entries = .success([entries[1]])
        #expect(!CardKeeper.check(alone).ok, "it has none")
        #expect(
            ProviderDescriptor(of: card, local, prices: PriceList(card.models[0].price), context: 512)
                .models.map(\.name) == ["small"])
        // The plan for this node's own people: what cannot ever run is not tried, what failed once is, last.
        let huge = PlannerTests.plan("huge", local: local)
        #expect(huge.candidates.isEmpty && huge.failure?.message.contains("768 MiB") == true)
        #expect(huge.failure?.fix?.contains("exec.memory_mib") == true)
        #expect(PlannerTests.names(PlannerTests.plan("broken", local: local)) == ["here"])
        #expect(PlannerTests.plan("rotten", local: local).failure?.message.contains("corrupt") == true)
    }

    @Test func pricesOfTheirOwnAreOnTheCard() throws {
        var section = AggregatorSection()
        section.prices = ["large": ModelPrice(prompt: 7, completion: 9)]
        var facts = Self.facts(
            now: 1, local: PlannerTests.local([entry(1, name: "large"), entry(2, name: "other")]))
        facts.prices = PriceList(section)
        var decision = CardDecision()
        guard case .announce(let card) = decision.on(facts) else {
            Issue.record("no card")
            return
        }
        #expect(
            card.models.map(\.price) == [
                UnitPrice(prompt: 1, completion: 2), UnitPrice(prompt: 7, completion: 9),
            ])
    }

    @Test func theCommonestRefusalIsTold() {
        func words(_ stored: Int, _ refusals: [String]) -> String {
            CardKeeper.outcome(.init(stored: stored, topics: ["n/a", "m/b"], refusals: refusals))
        }
        #expect(words(3, ["203 the card was made in the future: 9"]) == "the card is in the network")
        #expect(words(2, []) == "the card is here, but no other node took it yet")
        let told = words(2, ["429 this target is full: 1", "203 the card was made in the future: 7"])
        #expect(told.contains("7 refused it, 203 the card was made in the future") && told.contains("clock"))
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
