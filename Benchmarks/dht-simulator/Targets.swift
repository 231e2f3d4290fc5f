// What the project asks of its DHT. It must never be loosened without a word in docs/protocol/dht.md.

import DHTSimulation

/// The targets of the simulation.
enum Targets {
    /// What is asked of a row of the table; nothing of one in which more than half are dead.
    static func judge(_ nodes: Int, _ dead: Int, _ outcome: Trial.Outcome, p95: Int64) -> [Verdict] {
        guard dead <= 50 else { return [] }
        let row = "\(nodes) nodes, \(dead) % dead:"
        let least = dead <= 30 ? 99.9 : 99.0
        var verdicts = [
            Verdict(
                "\(row) at least \(least) % found", "\(Simulator.decimal(100 * outcome.share, 2)) %",
                kept: 100 * outcome.share >= least)
        ]
        guard dead <= 30 else { return verdicts }
        verdicts.append(
            Verdict(
                "\(row) at most 20 queries for a search", Simulator.decimal(outcome.meanQueries, 1),
                kept: outcome.meanQueries <= 20))
        verdicts.append(Verdict("\(row) p95 at most 800 ms", "\(p95) ms", kept: p95 <= 800))
        return verdicts
    }
}
