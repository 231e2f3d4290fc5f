// Proves that evidence gets to the nodes nearest its subject's key, is found from anywhere, and outlives its holders.

import DHTSimulation
import NodeModel
import Testing

@testable import DHTCore

@Suite struct EvidenceNetworkTests {
    private static let subject = TestCards.author(0)

    private static func holders(_ network: VirtualNetwork) -> [Int: Int] {
        var held: [Int: Int] = [:]
        for index in network.members.indices where network.members[index].alive {
            let count = network.members[index].node.desk.store.all(on: subject).count
            if count > 0 { held[index] = count }
        }
        return held
    }

    private static func published(_ count: Int, in network: inout VirtualNetwork, step: Int = 7) throws {
        for rater in 0..<count {
            let piece = TestCards.fakeEvidence(
                by: 100 + rater, on: 0, rater % 5 == 0 ? .wrong : .ok, created: network.moment.unixSeconds)
            let from = (rater * step) % network.members.count
            let report = try network.evidence(from, .publish(piece))
            #expect(report.failure == nil && report.holders >= 4, "\(report)")
        }
    }

    @Test func evidenceIsFoundFromAnywhereAndOutlivesItsHolders() throws {
        var network = VirtualNetwork.settled(200, seed: 11)
        try Self.published(30, in: &network)
        for from in [3, 77, 150] {
            let report = try network.evidence(from, .gather(Self.subject))
            #expect(report.evidence.count == 30, "from \(from): \(report)")
        }
        // Nobody has pushed anything since: those nearest the key compare with each other, and agree.
        network.run(40 * 60_000)
        let key = Topic.reputation(Self.subject).key()
        let nearest = network.members.indices.sorted {
            network.members[$0].node.id(.v4).distance(to: key)
                < network.members[$1].node.id(.v4).distance(to: key)
        }
        let held = Self.holders(network)
        let full = nearest.prefix(8).count { held[$0] == 30 }
        #expect(full >= 7, "\(nearest.prefix(8).map { held[$0] ?? 0 })")
        // Six of the eight die without a word, and twelve new nodes come, some of them near.
        for index in nearest.prefix(6) { network.kill(index) }
        for _ in 0..<12 {
            let newcomer = network.add()
            network.feed(newcomer, .command(.bootstrap([network.members[nearest[100]].endpoint])))
        }
        network.run(60 * 60_000)
        let alive = network.members.indices.filter { network.members[$0].alive }.sorted {
            network.members[$0].node.id(.v4).distance(to: key)
                < network.members[$1].node.id(.v4).distance(to: key)
        }
        let now = Self.holders(network)
        let again = alive.prefix(8).count { now[$0] == 30 }
        print("figure: of the 8 nearest that live, \(again) hold all 30 pieces an hour after 6 of 8 died")
        let report = try network.evidence(alive[120], .gather(Self.subject))
        #expect(report.evidence.count == 30)
        #expect(again >= 6, "\(alive.prefix(8).map { now[$0] ?? 0 })")
    }

    /// Who asked keeps what he was told, and keeps house for nobody with it.
    @Test func whoOnlyAskedComparesWithNobody() throws {
        var network = VirtualNetwork.settled(200, seed: 12)
        try Self.published(5, in: &network)
        let key = Topic.reputation(Self.subject).key()
        let far = try #require(
            network.members.indices.max {
                network.members[$0].node.id(.v4).distance(to: key)
                    < network.members[$1].node.id(.v4).distance(to: key)
            })
        #expect(try network.evidence(far, .gather(Self.subject)).evidence.count == 5)
        func compared() -> Int { network.members[far].node.counters.queriesOut[.infEvidenceSync] ?? 0 }
        let before = compared()
        network.run(40 * 60_000)
        #expect(before > 0 && compared() == before)
        #expect(network.members[far].node.desk.store.count == 5)
    }

    @Test func aForgedPieceGoesNowhere() throws {
        var network = VirtualNetwork.settled(40, seed: 5)
        let good = TestCards.fakeEvidence(by: 1, on: 0, created: network.moment.unixSeconds)
        let forged = SignedEvent(good.template, signature: [UInt8](repeating: 1, count: 64))
        let report = try network.evidence(3, .publish(forged))
        #expect(report.failure?.code == .badSignature && report.holders == 0)
        #expect(Self.holders(network).isEmpty)
    }

    @Test func aPieceLiesAtTwelveAndTwelveAreAsked() throws {
        var network = VirtualNetwork.settled(200, seed: 6, options: VirtualNetwork.Options(loss: 0))
        let piece = TestCards.fakeEvidence(by: 1, on: 0, created: network.moment.unixSeconds)
        #expect(try network.evidence(20, .publish(piece)).holders == 12)
        let report = try network.evidence(150, .gather(Self.subject))
        #expect(report.evidence == [piece] && report.holders == 12)
    }

    /// Whoever hides it names only his own kind, so that few paths all end among them.
    @Test func hidersDoNotHideIt() throws {
        func found(_ paths: Int) throws -> Int {
            var options = VirtualNetwork.Options()
            options.configuration.paths.evidence = paths
            var network = VirtualNetwork.settled(1000, seed: 2, options: options)
            network.corrupt(share: 0.3)
            let honest = network.members.indices.filter { !network.members[$0].isLiar }
            for subject in 0..<20 {
                let piece = TestCards.fakeEvidence(
                    by: 100, on: subject, created: network.moment.unixSeconds)
                _ = try network.evidence(honest[subject * 5], .publish(piece))
            }
            var found = 0
            for asker in 0..<200 {
                let wish = EvidenceWish.gather(TestCards.author(asker % 20))
                found += try network.evidence(honest[3 + asker * 3], wish).evidence.count
            }
            return found
        }
        let (few, usual) = (try found(3), try found(DHTConfiguration().paths.evidence))
        print("figure: 30 % hide evidence: \(usual) of 200 pieces are found, \(few) on three paths")
        #expect(usual >= 199 && usual > few)
    }

    /// An idle node's traffic does not grow with what it holds.
    @Test func manySubjectsDoNotMakeANoise() throws {
        var network = VirtualNetwork.settled(30, seed: 9)
        for subject in 0..<60 {
            let piece = TestCards.fakeEvidence(
                by: 1_000, on: subject, created: network.moment.unixSeconds)
            _ = try network.evidence(subject % 30, .publish(piece))
        }
        network.run(10 * 60_000)
        let before = network.bytes
        network.run(30 * 60_000)
        let rate = Double(network.bytes - before) / (30 * 60) / 30
        print("figure: 30 nodes that hold evidence on 60 providers: \(Int(rate)) bytes a second each")
        #expect(rate < 250)
    }
}
