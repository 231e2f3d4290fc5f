// Nodes that are not told whether they are behind a NAT: how many find out, how soon, and what it does to searches.
// It must never count a node as right that has not decided.

import DHTCore
import DHTSimulation

/// The same network with nobody who says that he is behind a NAT, with those who were told, and with those who found out.
struct Hidden {
    let nodes: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    private static let minute: Int64 = 60_000
    private static let hour = 60

    /// Runs and prints; gives the targets that were missed.
    func report() throws -> [Verdict] {
        var found: [(name: String, outcome: Trial.Outcome)] = []
        var ignorant = options
        ignorant.natIsKnown = false
        var network = trial(ignorant).network()
        network.run(30 * Self.minute)
        found.append(("nobody says so", try trial(ignorant).measure(&network)))
        network = trial(options).network()
        network.run(30 * Self.minute)
        found.append(("all are told", try trial(options).measure(&network)))
        ignorant.configuration.readOnly = .byEvidence
        network = trial(ignorant).network()
        let verdicts = watch(&network)
        found.append(("they find out", try trial(ignorant).measure(&network)))
        for (name, outcome) in found {
            let p95 = Trial.Outcome.percentile(95, of: outcome.times) ?? 0
            print(
                "\(nodes) nodes, \(Int(100 * options.natShare)) % behind NATs, \(name): found",
                Simulator.decimal(100 * outcome.share, 2), "%, queries",
                Simulator.decimal(outcome.meanQueries, 1), "ms p95 \(p95)")
        }
        return verdicts
    }

    private func trial(_ options: VirtualNetwork.Options) -> Trial {
        Trial(nodes: nodes, dead: 0, searches: 300, seed: seed, growth: .joined, options: options)
    }

    /// An hour, looked at every minute.
    private func watch(_ network: inout VirtualNetwork) -> [Verdict] {
        var (shutAt, openAt): ([Int: Int], [Int: Int]) = ([:], [:])
        var turns = 0
        var last: [Int: Reach.Verdict] = [:]
        var most = 0
        for minute in 1...Self.hour {
            network.run(Self.minute)
            var wrong = 0
            for index in network.members.indices {
                let member = network.members[index]
                guard let reach = member.node.snapshot(now: network.moment).presences.first?.reach else {
                    continue
                }
                if reach.verdict != .unknown, let before = last[index], before != .unknown,
                    before != reach.verdict
                {
                    turns += 1
                }
                last[index] = reach.verdict
                if reach.verdict == .shut {
                    if shutAt[index] == nil { shutAt[index] = minute }
                    wrong += member.isHidden ? 0 : 1
                }
                if reach.verdict == .open, openAt[index] == nil { openAt[index] = minute }
            }
            most = max(most, wrong)
        }
        let hidden = network.members.indices.filter { network.members[$0].isHidden }
        let open = network.members.indices.filter { !network.members[$0].isHidden }
        let right = hidden.count { last[$0] == .shut }
        let times = hidden.compactMap { shutAt[$0] }.sorted()
        let seen = open.compactMap { openAt[$0] }.sorted()
        print(
            "\(nodes) nodes: of \(hidden.count) behind NATs \(right) found out, half of them in",
            "\(Trial.Outcome.percentile(50, of: times) ?? 0) minutes and 95 % in",
            "\(Trial.Outcome.percentile(95, of: times) ?? 0); of \(open.count) others",
            "\(open.count { last[$0] == .open }) know that they are reached, 95 % of them in",
            "\(Trial.Outcome.percentile(95, of: seen) ?? 0) minutes; at most \(most) thought that they are not"
        )
        return [
            Verdict(
                "\(nodes) nodes: nobody who is reached thinks that he is not", "\(most)", kept: most == 0),
            Verdict("\(nodes) nodes: nobody changes his mind", "\(turns)", kept: turns == 0),
        ]
    }
}
