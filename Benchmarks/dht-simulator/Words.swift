// What becomes of evidence on providers when nodes die, and when liars hide it.
// It must never count a piece as found that was not asked for over the network.

import DHTCore
import DHTSimulation
import NodeModel

/// Evidence on some providers, told and gathered at nodes drawn by lot.
struct Words {
    let nodes: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    private static let subjects = 20
    private static let pieces = 10
    private static let askers = 5
    /// Milliseconds between two who begin; nobody waits for the one before.
    private static let pace: Int64 = 50
    /// Holders compare every five minutes, give or take half of that.
    private static let rest: Int64 = 10 * 60_000

    /// Prints a line for each; gives what is asked of them.
    func report() throws -> [Verdict] {
        try [churn(20), churn(30), hidden(30)] + besieged()
    }

    private func network() -> VirtualNetwork {
        VirtualNetwork.settled(nodes, seed: seed, options: options)
    }

    private func honest(_ network: inout VirtualNetwork) -> Int {
        while true {
            let index = network.random.below(nodes)
            if network.members[index].alive, !network.members[index].isLiar { return index }
        }
    }

    /// Begins all these, each at an honest node drawn by lot, and waits until the last one has ended.
    private func all(
        _ wishes: [EvidenceWish], in network: inout VirtualNetwork
    ) throws -> [EvidenceReport] {
        var operations: [OperationID] = []
        for wish in wishes {
            let index = honest(&network)
            operations.append(network.begin(index) { .evidence(wish, $0) })
            network.run(Self.pace)
        }
        let end = network.now + 60_000
        while network.now < end, operations.contains(where: { network.testimonies[$0] == nil }) {
            network.run(100)
        }
        return try operations.map { operation in
            guard let report = network.testimonies[operation] else { throw VirtualNetwork.NoResult() }
            return report
        }
    }

    /// - Returns: packets that one piece cost, of both sides.
    @discardableResult
    private func tell(_ network: inout VirtualNetwork, _ subjects: Int = subjects) throws -> Int {
        let wishes = (0..<subjects).flatMap { subject in
            (0..<Self.pieces).map { rater in
                EvidenceWish.publish(
                    TestCards.fakeEvidence(
                        by: 1_000 + rater, on: subject, created: network.moment.unixSeconds))
            }
        }
        let before = network.packets
        _ = try all(wishes, in: &network)
        return (network.packets - before) / wishes.count
    }

    /// The share of all pieces that five askers find on each provider.
    private func found(_ network: inout VirtualNetwork, _ subjects: Int = subjects) throws -> Double {
        let wishes = (0..<subjects).flatMap { subject in
            Array(repeating: EvidenceWish.gather(TestCards.author(subject)), count: Self.askers)
        }
        let found = try all(wishes, in: &network).reduce(0) { $0 + $1.evidence.count }
        return Double(found) / Double(wishes.count * Self.pieces)
    }

    private func percent(_ share: Double) -> String { Simulator.decimal(100 * share, 1) }

    /// A share of all nodes dies at once, and of the rest ten minutes later.
    private func churn(_ share: Int) throws -> Verdict {
        var network = network()
        let packets = try tell(&network)
        var shares = [try found(&network)]
        for round in 0..<2 {
            if round > 0 {
                network.run(Self.rest)
                shares.append(try found(&network))
            }
            for index in network.members.indices
            where network.members[index].alive && network.chance() < Double(share) / 100 {
                network.kill(index)
            }
            shares.append(try found(&network))
        }
        print(
            "\(nodes) nodes, evidence, \(packets) packets a piece: \(percent(shares[0])) % found,",
            "\(percent(shares[1])) % right after \(share) % died, \(percent(shares[2])) % ten minutes later,",
            "\(percent(shares[3])) % right after \(share) % of the rest died")
        let least = shares.min() ?? 0
        return Verdict(
            "\(nodes) nodes, \(share) % die twice: at least 99 % of the evidence is found each time",
            "\(percent(least)) %", kept: least >= 0.99)
    }

    /// Liars take evidence, hold none, and name only each other.
    private func hidden(_ share: Int) throws -> Verdict {
        var network = network()
        network.corrupt(share: Double(share) / 100)
        let packets = try tell(&network)
        let early = try found(&network)
        network.run(Self.rest)
        let late = try found(&network)
        print(
            "\(nodes) nodes, \(share) % of them hide evidence, \(packets) packets a piece: \(percent(early)) % found,",
            "\(percent(late)) % ten minutes later")
        return Verdict(
            "\(nodes) nodes, \(share) % hide evidence: at least 99 % is found each time",
            "\(percent(min(early, late))) %", kept: min(early, late) >= 0.99)
    }

    /// Those who hide it lie around the key of one provider: as many as they like, with ids of their choice, or with the best
    /// that each address entitles to. Nothing is promised against the latter: they are who is nearest.
    private func besieged() throws -> [Verdict] {
        var verdicts: [Verdict] = []
        for (title, count, entitled) in [
            ("40 liars with ids of their choice around its key", 40, false),
            ("\(nodes / 10) addresses, each with the best of the ids that it entitles to", nodes / 10, true),
        ] {
            var network = network()
            network.besiege(.reputation(TestCards.author(0)), count: count, entitled: entitled)
            try tell(&network, 1)
            network.run(Self.rest)
            let share = try found(&network, 1)
            print("\(nodes) nodes, evidence on one provider, \(title): \(percent(share)) % found")
            if !entitled {
                verdicts.append(
                    Verdict(
                        "\(nodes) nodes, \(title): at least 95 % of the evidence is found",
                        "\(percent(share)) %",
                        kept: share >= 0.95))
            }
        }
        return verdicts
    }
}
