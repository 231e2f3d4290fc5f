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

    /// Prints a line for each; gives what is asked of them.
    func report() throws -> [Verdict] { try [churn(), hidden(30)] + besieged() }

    private func network() -> VirtualNetwork {
        VirtualNetwork.settled(nodes, seed: seed, options: options)
    }

    private func honest(_ network: inout VirtualNetwork) -> Int {
        while true {
            let index = network.random.below(nodes)
            if network.members[index].alive, !network.members[index].isLiar { return index }
        }
    }

    private func tell(_ network: inout VirtualNetwork, _ subjects: Int = subjects) throws {
        for subject in 0..<subjects {
            for rater in 0..<Self.pieces {
                let piece = TestCards.fakeEvidence(
                    by: 1_000 + rater, on: subject, created: network.moment.unixSeconds)
                _ = try network.evidence(honest(&network), .publish(piece))
            }
        }
    }

    /// The share of all pieces that five askers find on each provider.
    private func found(_ network: inout VirtualNetwork, _ subjects: Int = subjects) throws -> Double {
        var found = 0
        for subject in 0..<subjects {
            for _ in 0..<5 {
                let wish = EvidenceWish.gather(TestCards.author(subject))
                found += try network.evidence(honest(&network), wish).evidence.count
            }
        }
        return Double(found) / Double(subjects * Self.pieces * 5)
    }

    private func percent(_ share: Double) -> String { Simulator.decimal(100 * share, 1) }

    /// A third of all nodes die at once, twice, half an hour apart.
    private func churn() throws -> Verdict {
        var network = network()
        try tell(&network)
        var shares = [try found(&network)]
        for _ in 0..<2 {
            for index in network.members.indices where network.members[index].alive && network.chance() < 0.3
            {
                network.kill(index)
            }
            shares.append(try found(&network))
            network.run(30 * 60_000)
            shares.append(try found(&network))
        }
        print(
            "\(nodes) nodes, evidence: \(percent(shares[0])) % found, \(percent(shares[1])) % right after 30 % died,",
            "\(percent(shares[2])) % half an hour later, \(percent(shares[3])) % after 30 % of the rest died,",
            "\(percent(shares[4])) % half an hour later")
        return Verdict(
            "\(nodes) nodes: at least 99 % of the evidence is found after 30 % died twice",
            "\(percent(shares[4])) %",
            kept: shares[4] >= 0.99)
    }

    /// Liars take evidence, hold none, and name only each other.
    private func hidden(_ share: Int) throws -> Verdict {
        var network = network()
        network.corrupt(share: Double(share) / 100)
        try tell(&network)
        let early = try found(&network)
        network.run(20 * 60_000)
        let late = try found(&network)
        print(
            "\(nodes) nodes, \(share) % of them hide evidence: \(percent(early)) % found,",
            "\(percent(late)) % twenty minutes later")
        return Verdict(
            "\(nodes) nodes, \(share) % hide evidence: at least 95 % is found", "\(percent(late)) %",
            kept: late >= 0.95)
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
            network.run(20 * 60_000)
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
