// Proves that the very core that runs under UDP finds what it should in a network of hundreds, with loss and
// sudden deaths, and that a run is decided by its seed alone.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct SimulationTests {
    private static let count = 200
    private static let providers = 40

    private func populated(_ seed: UInt64) throws -> VirtualNetwork {
        var network = VirtualNetwork.joined(Self.count, seed: seed)
        for number in 0..<Self.providers {
            let card = TestCards.fake(number, model: "model-\(number)", created: network.moment.unixSeconds)
            _ = network.begin(number) { .announce(card, $0) }
            network.run(1_000)
        }
        network.run(13_000)
        #expect(network.announcements.count == Self.providers)
        return network
    }

    /// Kills a share of the nodes, the holders and providers of the cards included, and searches at once.
    private func searches(_ network: inout VirtualNetwork, dead: Double, count: Int) throws -> [FindReport] {
        for index in 0..<Self.count where network.chance() < dead { network.kill(index) }
        let living = network.members.indices.filter { network.members[$0].alive }
        return try (0..<count).map { number in
            let from = living[Int(network.chance() * Double(living.count))]
            return try network.find(from, .name("model-\(number % Self.providers)"))
        }
    }

    private func line(_ title: String, _ network: VirtualNetwork, _ reports: [FindReport]) {
        let times = reports.map(\.milliseconds).sorted()
        let asked = reports.map(\.asked)
        let found = reports.count { !$0.cards.isEmpty }
        print(
            "\(title) seed=\(network.seed): found \(found)/\(reports.count), "
                + "asked mean \(asked.reduce(0, +) / max(1, asked.count)), "
                + "ms p50 \(times[times.count / 2]) p95 \(times[times.count * 95 / 100])")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everythingIsFoundWithThirtyPercentSuddenlyDead(_ seed: UInt64) throws {
        var network = try populated(seed)
        let reports = try searches(&network, dead: 0.3, count: 120)
        line("200 nodes, 30 % dead", network, reports)
        #expect(reports.count == 120)
        #expect(reports.allSatisfy { $0.cards.count == 1 })
    }

    @Test func quietNetworksAnswerFastAndStayQuiet() throws {
        var network = try populated(4)
        let reports = try searches(&network, dead: 0, count: 120)
        line("200 nodes, all alive", network, reports)
        #expect(reports.allSatisfy { $0.cards.count == 1 })
        #expect(reports.map(\.asked).reduce(0, +) <= 20 * reports.count)
        // Cards expire, then nothing but upkeep is left.
        network.run(1_900_000)
        let before = network.bytes
        // As long as two rounds of checks: they come in waves.
        network.run(1_800_000)
        let rate = Double(network.bytes - before) / 1_800 / Double(Self.count)
        print("200 nodes idle: \(rate) bytes per node and second sent")
        #expect(rate < 100)
        let stored = network.members.map { $0.node.snapshot(now: network.moment).storedCards }
        #expect(stored.allSatisfy { $0 == 0 })
    }

    @Test func theNetworkHealsAfterDeaths() throws {
        var network = try populated(5)
        _ = try searches(&network, dead: 0.3, count: 1)
        network.run(900_000)
        // Dead nodes are found out one by one; after a quarter of an hour hardly any is handed around.
        let living = network.members.indices.filter { network.members[$0].alive }
        let dead = Set(
            network.members.indices.filter { !network.members[$0].alive }.map { network.members[$0].endpoint }
        )
        let known = living.flatMap { index in
            network.members[index].node.snapshot(now: network.moment).peers.filter { $0.standing == .good }
        }
        let ghosts = known.count { dead.contains($0.contact.endpoint) }
        print("after 15 minutes: \(ghosts) of \(known.count) good table entries are ghosts")
        #expect(Double(ghosts) < 0.1 * Double(known.count))
    }

    @Test func oneSeedIsOneRun() throws {
        func trace(_ seed: UInt64) throws -> [Int64] {
            var network = VirtualNetwork.joined(60, seed: seed)
            _ = try network.announce(3, TestCards.fake(3, created: network.moment.unixSeconds))
            let report = try network.find(20, .name("smollm2"))
            return [Int64(network.packets), Int64(network.bytes), network.now, report.milliseconds]
        }
        #expect(try trace(7) == trace(7))
        #expect(try trace(7) != trace(8))
    }

    @Test func aNetworkOnOneMachineForms() throws {
        // Every node on its own 127.x address, as the demonstration runs them, with the default limits.
        var network = VirtualNetwork(seed: 9)
        for number in 0..<30 {
            let index = network.add(at: Endpoint(address: 0x7F00_0002 + UInt32(number), port: 9200))
            if number > 0 { network.feed(index, .command(.bootstrap([network.members[0].endpoint]))) }
            network.run(200)
        }
        network.run(10_000)
        _ = try network.announce(0, TestCards.fake(1, created: network.moment.unixSeconds))
        #expect(try network.find(29, .name("smollm2")).cards.count == 1)
    }

    @Test func aDoorThatWasOutsideItselfLeadsInLater() throws {
        var network = VirtualNetwork.joined(20, seed: 12, options: .init(loss: 0))
        // A node whose entrance is silent becomes the entrance of twenty others.
        network.kill(0)
        let door = network.add()
        network.feed(door, .command(.bootstrap([network.members[0].endpoint])))
        for _ in 0..<20 {
            let index = network.add()
            network.feed(index, .command(.bootstrap([network.members[door].endpoint])))
            network.run(100)
        }
        network.run(60_000)
        #expect(network.members[door].node.snapshot(now: network.moment).count(.good) >= 8)
        network.revive(0)
        // The door is in at once; whoever came through it follows when it looks after its buckets.
        network.run(45 * 60_000)
        _ = try network.announce(30, TestCards.fake(1, created: network.moment.unixSeconds))
        #expect(try network.find(5, .name("smollm2")).cards.count == 1)
    }

    @Test func aNodeWhoseNetworkFailedComesBack() throws {
        var network = VirtualNetwork.joined(30, seed: 10)
        let door = network.members[0].endpoint
        // A node that is alone for ten minutes, with a door that was closed all the time.
        var closed = VirtualNetwork(seed: 11)
        let lonely = closed.add()
        closed.feed(lonely, .command(.bootstrap([door])))
        closed.run(600_000)
        #expect(closed.members[lonely].node.snapshot(now: closed.moment).entrances.map(\.reached) == [false])
        #expect(closed.packets < 60)
        let late = network.add()
        network.feed(late, .command(.bootstrap([door])))
        network.run(5_000)
        #expect(network.members[late].node.snapshot(now: network.moment).count(.good) >= 8)
    }
}
