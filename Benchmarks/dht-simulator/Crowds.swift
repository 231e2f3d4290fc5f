// A model with few providers and with very many: does a search bring as many as were wished for?
// It must never count a provider twice, nor leave out what the questions cost.

import DHTCore
import DHTSimulation

/// Searches for one model of 12, 60 and 1000 providers.
struct Crowds {
    let nodes: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    func report() throws -> [Verdict] {
        print(
            "\(nodes) nodes, searches for a model: providers, wanted, whether the searcher knows the topic |",
            "found least, mean | quarters of the keys least, mean | queries mean, p95 | ms p50, p95")
        var verdicts: [Verdict] = []
        for providers in [12, 60, 1000] where providers <= nodes {
            let network = Trial(
                nodes: nodes, dead: 0, searches: 0, seed: seed, growth: .settled, options: options
            ).network()
            var crowd = Crowd(network, providers: providers)
            for limit in [16, 64] {
                for again in providers > 256 ? [false, true] : [false] {
                    verdicts.append(
                        line(limit, again, providers, try crowd.search(limit, times: 100, again: again)))
                }
            }
        }
        return verdicts
    }

    private func line(_ limit: Int, _ again: Bool, _ providers: Int, _ outcome: Crowd.Outcome) -> Verdict {
        func mean(_ values: [Int]) -> String {
            Simulator.decimal(Double(values.reduce(0, +)) / Double(max(1, values.count)), 1)
        }
        let most = outcome.perProvider.values.max() ?? 0
        print(
            Simulator.pad("\(providers)", 6), Simulator.pad("\(limit)", 3), again ? "again" : "first", "|",
            outcome.found.first ?? 0, mean(outcome.found), "|", outcome.quarters.first ?? 0,
            mean(outcome.quarters), "|", mean(outcome.queries),
            Trial.Outcome.percentile(95, of: outcome.queries) ?? 0, "|",
            Trial.Outcome.percentile(50, of: outcome.times) ?? 0,
            Trial.Outcome.percentile(95, of: outcome.times) ?? 0,
            "| one provider in at most \(most) of \(outcome.found.count)")
        let wanted = min(limit, providers)
        return Verdict(
            "\(nodes) nodes, \(providers) providers: searches for \(limit) bring 99.5 % of \(wanted)",
            "\(mean(outcome.found)), \(outcome.found.first ?? 0) at least",
            kept: Double(outcome.found.reduce(0, +)) >= 0.995 * Double(wanted * outcome.found.count)
                && outcome.doubles == 0)
    }
}
