// What attackers achieve against searches: liars spread over the key space, liars laid around one key, a flood of cards.
// It must never report an attack that was weakened to look better.

import DHTCore
import DHTSimulation
import NodeModel

/// The attacks, one line each.
struct Attacks {
    let nodes: Int
    let searches: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    /// Prints a line for each attack; gives what is asked of them.
    func report() throws -> [Verdict] { try ring() + others() }

    /// Shares of the nodes that take cards and forget them, and name none but their own kind.
    func ring() throws -> [Verdict] {
        var verdicts: [Verdict] = []
        for percent in [10, 30, 50] {
            let trial = trial(searches)
            var network = trial.network()
            network.corrupt(share: Double(percent) / 100)
            let before = network.packets
            trial.announce(in: &network, providers: searches)
            let each = (network.packets - before) / searches
            let first = try trial.search(&network)
            if percent <= 30 {
                verdicts.append(judge("\(percent) % liars, right after the first announcement", first))
            }
            line(
                "\(percent) % of them, right after the first announcement, \(each) packets each", first)
            // Until all have announced again, as they do every five minutes.
            network.run(6 * 60_000)
            let outcome = try trial.search(&network)
            if percent <= 30 { verdicts.append(judge("\(percent) % liars", outcome)) }
            line("\(percent) % of the nodes hide cards and name only each other", outcome)
        }
        return verdicts
    }

    private func others() throws -> [Verdict] {
        var verdicts: [Verdict] = []
        for (title, addresses, entitled) in [
            ("40 liars with ids of their choice around one key", 40, false),
            ("\(nodes / 10) addresses, each with the best of the ids that it entitles to", nodes / 10, true),
        ] {
            let trial = trial(1)
            var network = trial.network()
            network.besiege(.name("model-0"), count: addresses, entitled: entitled)
            trial.announce(in: &network, providers: 1)
            let outcome = try trial.search(&network, repeated: searches)
            verdicts.append(judge(title, outcome))
            line(title, outcome)
        }
        for ranges in [8, 32, 64, 512] { verdicts.append(try flood(ranges)) }
        return verdicts
    }

    private func judge(_ title: String, _ outcome: Trial.Outcome) -> Verdict {
        Verdict(
            "\(nodes) nodes, \(title): at least 99 % found",
            "\(Simulator.decimal(100 * outcome.share, 1)) %", kept: outcome.share >= 0.99)
    }

    private func trial(_ searches: Int) -> Trial {
        Trial(nodes: nodes, dead: 0, searches: searches, seed: seed, growth: .settled, options: options)
    }

    /// A model that one honest provider offers, and 1024 more that are not there, from some address ranges, as many
    /// from each as is allowed.
    private func flood(_ ranges: Int) throws -> Verdict {
        let trial = trial(1)
        var network = trial.network()
        trial.announce(in: &network, providers: 1)
        let attackers = (0..<ranges).map { _ in network.add() }
        for index in attackers { network.feed(index, .command(.bootstrap([network.members[0].endpoint]))) }
        network.run(30_000)
        for number in 0..<1024 {
            let card = TestCards.fake(
                1_000_000 + number, model: "model-0", created: network.moment.unixSeconds)
            _ = network.begin(attackers[number % ranges]) { .announce(card, $0) }
            network.run(50)
        }
        // Until after the honest one has announced again.
        network.run(6 * 60_000)
        let honest = TestCards.fake(0, created: 0).pubkey
        var (among, alone) = (0, 0)
        for _ in 0..<100 {
            let from = network.random.below(nodes)
            let report = try network.find(from, .name("model-0"), limit: 16)
            if report.cards.contains(where: { $0.pubkey == honest }) { among += 1 }
            let own = try network.find(from, .provider(honest))
            if !own.cards.isEmpty { alone += 1 }
        }
        print(
            "\(nodes) nodes, 1024 cards of nobody from \(ranges) address ranges: the one provider is among 16",
            "found in \(among) % of the searches, and found by his key in \(alone) %")
        return Verdict(
            "\(nodes) nodes, \(ranges) ranges flood a model: a provider is found by his key in at least 99 %",
            "\(alone) %", kept: alone >= 99)
    }

    private func line(_ title: String, _ outcome: Trial.Outcome) {
        print(
            "\(nodes) nodes, \(title): found \(Simulator.decimal(100 * outcome.share, 1)) %,",
            "\(Simulator.decimal(outcome.meanQueries, 1)) queries,",
            "p95 \(Trial.Outcome.percentile(95, of: outcome.times) ?? 0) ms")
    }
}
