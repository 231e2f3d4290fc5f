// Proves that why-idle finds what stands in the way, ranks as a buyer would, and that bounds are sent as they were typed.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Testing
import Wire

@testable import CtlCore

@Suite struct NetworkViewTests {
    private static let now: Int64 = 1_790_000_000

    private func key(_ number: UInt8) throws -> SecretKey {
        var bytes = [UInt8](repeating: 0x11, count: 32)
        bytes[31] = number
        return try #require(SecretKey(bytes: bytes))
    }

    private func event(
        _ number: UInt8, price: Int64 = 2, load: Int = 0, asset: Asset = .testCredit
    ) throws -> SignedEvent {
        let key = try key(number)
        let root = try #require(ContentRoot(bytes: [UInt8](repeating: 7, count: 32)))
        let card = ProviderCard(
            provider: key.publicKey, endpoint: "ws://203.0.113.\(number):9103/peer",
            models: [
                ModelOffer(
                    name: "m", root: root, context: 2048,
                    price: UnitPrice(asset: asset, prompt: 1, completion: price))
            ], device: "cpu", memoryMiB: 8192, slots: 2, load: load, createdAt: Self.now,
            expiresAt: Self.now + 600)
        return try key.sign(card.template)
    }

    private func provider(
        _ number: UInt8, price: Int64 = 2, load: Int = 0, asset: Asset = .testCredit
    ) throws -> FoundProvider {
        try #require(
            FoundProvider(
                try event(number, price: price, load: load, asset: asset), model: "M", now: Self.now + 1))
    }

    private func stats(announced: Bool = true, peers: Int = 3, holders: Int = 3) -> DHTInterface.Stats.Reply {
        var stats = DHTInterface.Stats.example.reply
        (stats.announced, stats.goodPeers, stats.holders) = (announced, peers, holders)
        return stats
    }

    private func idleness(
        network: DHTInterface.Stats.Reply, others: [FoundProvider] = [], price: Int64 = 2, sessions: Int = 1
    ) throws -> Idleness {
        let mine = try provider(1, price: price)
        var inventory = ExecInterface.Inventory.example.reply
        (inventory.slots, inventory.busy, inventory.checks) = (2, 0, [])
        var connected = WSInterface.Sessions.example.reply
        connected.sessions = Array(connected.sessions.prefix(sessions))
        return Idleness(
            own: mine.card.provider, cardReason: "the card is in the network", network: network,
            seen: network.announced ? (mine.card, network.holders + 1) : nil, sessions: connected,
            inventory: inventory, markets: [.init(model: "m", providers: [mine] + others)])
    }

    private func failed(_ idleness: Idleness) -> [String] {
        idleness.findings.filter { $0.result == .failed }.map(\.name)
    }

    @Test("nothing stands in the way of a node that is announced, seen, free and not dearer")
    func clear() throws {
        let idle = try idleness(network: stats(), others: [provider(2, price: 5), provider(3, price: 2)])
        #expect(failed(idle).isEmpty)
        #expect(idle.findings.last?.reason.contains("place 1 of 3") == true)
    }

    @Test("a price in another asset is neither higher nor lower")
    func assets() throws {
        let dollar = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
        let cheap = try provider(2, price: 1, asset: dollar)
        let idle = try idleness(network: stats(), others: [cheap], price: 9)
        #expect(failed(idle).isEmpty)
        #expect(idle.findings.last?.reason.contains("nobody else offers it for test:credit") == true)
        let all = FoundProvider.ranked([
            try provider(1, price: 9), cheap, try provider(3, price: 1),
            try provider(4, price: 5, asset: dollar),
        ])
        #expect(all.map(\.asset) == [dollar, dollar, .testCredit, .testCredit])
        #expect(all.map(\.price) == [1, 5, 1, 9])
    }

    @Test("each thing that stands in the way is found by itself")
    func hindered() throws {
        #expect(failed(try idleness(network: stats(announced: false))) == ["announced"])
        #expect(failed(try idleness(network: stats(peers: 0, holders: 0))) == ["network", "seen"])
        let dear = try idleness(network: stats(), others: [provider(2, price: 1)], price: 9)
        #expect(failed(dear) == ["price of m"])
        var busy = try idleness(network: stats())
        busy.inventory?.checks = [.init(name: "docker", ok: false, reason: "no socket", fix: "start it")]
        #expect(failed(busy) == ["room"])
        var hidden = try idleness(network: stats())
        hidden.markets[0].providers = []
        #expect(failed(hidden) == ["price of m"])
    }

    @Test("that nobody is connected is said, and is no proof of anything")
    func quiet() throws {
        let finding = try #require(
            try idleness(network: stats(), sessions: 0).findings.first { $0.name == "reachable" })
        #expect(finding.result == .skipped)
        #expect(finding.reason.contains("ws://203.0.113.1:9103/peer"))
    }

    @Test("who dialled back and what came of it is said")
    func dialledBack() throws {
        let endpoint = "ws://203.0.113.1:9103/peer"
        func finding(
            _ outcomes: [DialBackOutcome], at address: String = "203.0.113.1:9103", sessions: Int = 0,
            problem: String? = nil
        ) throws -> DoctorCheck {
            var idle = try idleness(network: stats(), sessions: sessions)
            let other = try key(2).publicKey
            var answers = outcomes.map {
                WSInterface.DialBack.Answer(provider: other, report: .init(outcome: $0, dialled: address))
            }
            if let problem { answers.append(.init(provider: other, problem: problem)) }
            idle.dialBack = .init(endpoint: endpoint, answers: answers)
            return try #require(idle.findings.first { $0.name == "reachable" })
        }
        let good = try finding([.noAnswer, .reached])
        #expect(good.result == .ok)
        #expect(good.reason.contains(String(try key(2).publicKey.npub.prefix(12))))
        #expect(good.reason.contains("dialled 203.0.113.1:9103 and was answered"))
        for outcome in [DialBackOutcome.noConnection, .noAnswer, .noNode, .otherKey] {
            #expect(try finding([outcome]).result == .failed)
            #expect(try finding([outcome], sessions: 1).result == .failed)
        }
        // It answers, but not where it says that it does.
        #expect(
            try finding([.reached], at: "198.51.100.7:9103").fix?.contains("ws://198.51.100.7:9103/peer")
                == true)
        // Others get in, and this one may have left by another address.
        #expect(try finding([.noConnection], at: "198.51.100.7:9103", sessions: 1).result == .skipped)
        #expect(try finding([.noConnection], at: "198.51.100.7:9103").result == .failed)
        // Nobody tried, so nothing is known.
        for quiet in [
            try finding([]), try finding([.notDialled]), try finding([], problem: "There is no method"),
        ] { #expect(quiet.result == .skipped) }
        #expect(try finding([]).reason.contains("nobody could be asked"))
        #expect(try finding([], problem: "There is no method").reason.contains("There is no method"))
        #expect(try finding([], sessions: 1).result == .ok)
    }

    @Test("a node that no stranger's packet reaches is told so")
    func readOnly() throws {
        var network = stats()
        (network.readOnly, network.reach) = (true, "no stranger's packet arrived")
        #expect(failed(try idleness(network: network)) == ["strangers"])
        #expect(DHTStats.lines(network, .plain).contains { $0.contains("no stranger's packet arrived") })
    }

    @Test("the cheapest comes first, then the idlest")
    func order() throws {
        let ranked = FoundProvider.ranked([
            try provider(4, price: 3), try provider(5, price: 2, load: 9), try provider(6, price: 2),
        ])
        #expect(ranked.map(\.card.load) == [0, 9, 0])
        #expect(ranked.map(\.price) == [2, 2, 3])
    }

    @Test("who is not thought enough of is left out, and so is a stranger")
    func reputation() throws {
        var all = try (1...4).map { try provider(UInt8($0), price: Int64($0)) }
        (all[0].reputation, all[1].reputation, all[2].reputation) = (0.4, 0.9, 0.5)
        #expect(FoundProvider.reputable(all, least: 0.5).map(\.price) == [2, 3])
        #expect(FoundProvider.reputable(all, least: 0).count == 4)
    }

    @Test("a card that is forged, expired or of another model is nobody's")
    func refused() throws {
        let good = try event(7)
        let forged = SignedEvent(good.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(FoundProvider(forged, model: "m", now: Self.now) == nil)
        #expect(FoundProvider(good, model: "m", now: Self.now + 600) == nil)
        #expect(FoundProvider(good, model: "other", now: Self.now) == nil)
    }

    @Test("a search for a device alone shows the cheapest model of each, and nobody with another device")
    func devices() throws {
        let good = try event(7)
        #expect(FoundProvider(good, model: nil, device: "cpu", now: Self.now)?.offer.name == "m")
        #expect(FoundProvider(good, model: nil, device: "nvidia-h200", now: Self.now) == nil)
        #expect(FoundProvider(good, model: "m", device: "nvidia-h200", now: Self.now) == nil)
    }

    @Test("free memory is a provider's own signed word of now, and whoever is left out has a reason")
    func freeMemory() throws {
        let asked = try (UInt8(1)...5).map { try provider($0) }
        func answer(_ number: UInt8, free: Int?, signedBy: UInt8? = nil) throws -> DHTInterface.Probe.Answer {
            let provider = try key(number).publicKey
            let signer = try key(signedBy ?? number)
            let status = ProviderStatus(
                provider: signer.publicKey, challenge: "0123456789abcdef", accepts: true, slots: 1, busy: 0,
                queued: 0, freeMiB: free, createdAt: Self.now)
            return .init(provider: provider, status: try signer.sign(status.template), milliseconds: 1)
        }
        let answers = [
            try answer(1, free: 24_576), try answer(2, free: 24_575), try answer(3, free: nil),
            try answer(4, free: 90_000, signedBy: 9),
            .init(provider: try key(5).publicKey, problem: "no answer"),
        ]
        let (kept, leftOut) = FoundProvider.roomy(asked, answers, leastMiB: 24_576)
        #expect(kept.map(\.card.provider) == [try key(1).publicKey])
        #expect(kept.first?.freeMiB == 24_576)
        #expect(
            FreeMemoryRefusal.words(leftOut) == [
                "less free memory than wanted: 1", "tells no free memory: 1", "did not say how it is: 2",
            ])
    }

    @Test("bounds are sent as they were typed")
    func bounds() throws {
        func parse(_ line: String) throws -> Find {
            try #require(
                try InfernetCtl.parseAsRoot(line.split(separator: " ").map(String.init)) as? Find)
        }
        #expect(
            try parse("find m --vram 24 --max-load 8 --max-price 20").filter
                == ProviderFilter(
                    minimumMemoryMiB: 24_576, maximumLoad: 8, maximumPrice: 20, asset: .testCredit))
        #expect(try parse("find m").filter.isEmpty)
        #expect(try parse("find m --gpu H200").device?.text == "nvidia-h200")
        #expect(try parse("find --gpu amd-mi300x --free-vram 24").device?.text == "amd-mi300x")
        for line in [
            "find m --max-load 16", "find m -n 0", "find m --vram -1", "find", "find m --free-vram -1",
            "find m --gpu -",
        ] {
            #expect(throws: (any Error).self) { try parse(line) }
        }
    }
}
