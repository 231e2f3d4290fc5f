// Proves that a network of our nodes serves Mainline's methods to each other, bounds what a stranger draws, and
// takes ids that follow from addresses.

import DHTSimulation
import NodeModel
import Testing

@testable import DHTCore

@Suite struct MainlineTests {
    private static let id: NodeID = {
        var random = DHTRandom(seed: 3)
        return NodeID.random(using: &random)
    }()
    private func run(
        _ wish: MainlineWish, _ index: Int, in network: inout VirtualNetwork
    ) throws -> MainlineReport {
        let operation = network.begin(index) { .mainline(wish, $0) }
        network.run(10_000)
        return try #require(network.mainline[operation])
    }

    @Test func itemsAndPeersAreFoundFromElsewhere() throws {
        var network = VirtualNetwork.joined(40, seed: 21, options: .init(loss: 0))
        let value = MainlineItem(value: Array("5:hello".utf8))
        #expect(try run(.store(value, swap: nil), 3, in: &network).stored == 8)
        #expect(try run(.item(value.target), 30, in: &network).item == value)
        let torrent = NodeID.random(using: &network.random)
        #expect(try run(.announce(torrent, port: 7000), 4, in: &network).stored == 8)
        #expect(try run(.announce(torrent, port: nil), 5, in: &network).stored == 8)
        let peers = try run(.peers(torrent), 31, in: &network).peers
        #expect(
            peers == [
                Endpoint(network.members[4].endpoint.address, port: 7000),
                network.members[5].endpoint,
            ])
        #expect(try run(.peers(value.target), 31, in: &network).peers.isEmpty)
    }

    @Test func idsBecomeTheAddresses() throws {
        var options = VirtualNetwork.Options(loss: 0)
        options.boundIDs = false
        var network = VirtualNetwork.joined(40, seed: 22, options: options)
        network.run(120_000)
        #expect(network.members.allSatisfy { $0.node.id(.v4).isBound(to: $0.endpoint) })
        #expect(network.members.allSatisfy { $0.node.snapshot(now: network.moment).count(.good) >= 8 })
        _ = try network.announce(3, TestCards.fake(1, created: network.moment.unixSeconds))
        #expect(try network.find(20, .name("smollm2")).cards.count == 1)
    }

    @Test func aStrangerDrawsLittleAndAnAcquaintanceAll() throws {
        var random = DHTRandom(seed: 4)
        var node = DHTNode(
            id: Self.id, random: DHTRandom(seed: 1),
            now: Moment(milliseconds: 0, unixSeconds: 1_800_000_000))
        let value = MainlineItem(value: Array("900:".utf8) + [UInt8](repeating: 65, count: 900))
        try node.items.put(
            value, swap: nil, from: Endpoint(address: 0x0501_0101, port: 1), own: node.sides.ids, now: 0)
        let stranger = NodeContact(
            id: Self.id.randomNeighbour(sharing: 0, using: &random),
            endpoint: Endpoint(address: 0x2501_0101, port: 9))
        let query = KRPCMessage(
            transaction: [1],
            body: .query(KRPCQuery(sender: stranger.id, call: .get(target: value.target, newerThan: nil))),
            readOnly: true
        ).encoded()
        func drawn(_ count: Int) -> Int {
            (0..<count).reduce(0) { sum, _ in
                let out = node.handle(
                    .packet(query, from: stranger.endpoint),
                    now: Moment(milliseconds: 10, unixSeconds: 1_800_000_000))
                return sum
                    + out.reduce(0) { if case .send(let bytes, _) = $1 { $0 + bytes.count } else { $0 } }
            }
        }
        let first = drawn(50)
        // Eight full replies, and small ones for the rest.
        #expect(first < 8 * 1100 + 42 * 200)
        #expect(node.counters.largeRefused == 42)
        _ = node.sides[.v4].table.answered(stranger, roundTrip: 10, isInfernet: nil, now: 10)
        #expect(drawn(50) > 50 * 900)
    }
}
