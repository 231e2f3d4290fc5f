// Proves that evidence lives in the network of IPv6 as in that of IPv4, and gets from one into the other through those who are
// in both. It must never look into the store of a node for what asking can tell.

import DHTSimulation
import NodeModel
import Testing

@testable import DHTCore

@Suite struct EvidenceFamiliesTests {
    private static let subject = TestCards.author(0)
    private static let key = Topic.reputation(subject).key()

    private static func network(_ nodes: Int, six: Double, dual: Double, seed: UInt64) -> VirtualNetwork {
        var options = VirtualNetwork.Options(loss: 0.01)
        (options.sixShare, options.dualShare) = (six, dual)
        return VirtualNetwork.settled(nodes, seed: seed, options: options)
    }

    /// The living nodes that have these networks and no others.
    private static func those(_ network: VirtualNetwork, _ families: [AddressFamily]) -> [Int] {
        network.members.indices.filter {
            network.members[$0].alive && network.members[$0].endpoints.map(\.family) == families
        }
    }

    private static func tell(
        _ raters: Range<Int>, from tellers: [Int], in network: inout VirtualNetwork
    ) throws {
        for rater in raters {
            let piece = TestCards.fakeEvidence(by: rater, on: 0, created: network.moment.unixSeconds)
            let report = try network.evidence(tellers[rater * 7 % tellers.count], .publish(piece))
            #expect(report.failure == nil && report.holders >= 4, "\(report)")
        }
    }

    private static func held(_ network: VirtualNetwork, by index: Int) -> Int {
        network.members[index].node.desk.store.all(on: subject).count
    }

    @Test func overIPv6AloneItIsFoundAndOutlivesItsHolders() throws {
        var network = Self.network(200, six: 1, dual: 0, seed: 14)
        let alone = Self.those(network, [.v6])
        #expect(alone.count == 192, "all but the doors")
        try Self.tell(100..<120, from: alone, in: &network)
        for from in [alone[3], alone[77], alone[150]] {
            #expect(try network.evidence(from, .gather(Self.subject)).evidence.count == 20)
        }
        func nearest() -> [Int] {
            network.members.indices.filter { network.members[$0].alive }.sorted {
                network.members[$0].node.id(.v6).distance(to: Self.key)
                    < network.members[$1].node.id(.v6).distance(to: Self.key)
            }
        }
        for index in nearest().prefix(6) { network.kill(index) }
        for _ in 0..<12 {
            let newcomer = network.add()
            let door = try #require(network.members[alone[100]].endpoint(.v6))
            network.feed(newcomer, .command(.bootstrap([door])))
        }
        network.run(60 * 60_000)
        let full = nearest().prefix(8).count { Self.held(network, by: $0) == 20 }
        print("figure: over IPv6, \(full) of the 8 nearest that live hold all 20 pieces an hour after 6 died")
        #expect(full >= 6)
        #expect(try network.evidence(nearest()[120], .gather(Self.subject)).evidence.count == 20)
    }

    /// Who has IPv4 alone cannot ask who has IPv6 alone. Holders that are in both networks compare in both.
    @Test func whatIsToldInOneNetworkIsHeardInTheOther() throws {
        var network = Self.network(200, six: 0.35, dual: 0.3, seed: 15)
        let (four, six) = (Self.those(network, [.v4]), Self.those(network, [.v6]))
        try Self.tell(100..<110, from: four, in: &network)
        try Self.tell(110..<120, from: six, in: &network)
        network.run(30 * 60_000)
        for asker in [four[5], four[40], six[5], six[40]] {
            let heard = try network.evidence(asker, .gather(Self.subject)).evidence.count
            #expect(heard == 20, "\(heard)")
        }
    }
}
