// What the project asks of its DHT. It must never be loosened without a word in docs/protocol/dht.md.

import DHTSimulation

/// The targets of the simulation.
enum Targets {
    /// The targets that a row misses, as sentences.
    static func missed(_ nodes: Int, _ dead: Int, _ outcome: Trial.Outcome, p95: Int64) -> [String] {
        var missed: [String] = []
        let row = "\(nodes) nodes, \(dead) % dead:"
        if dead <= 30, outcome.share < 0.999 { missed.append("\(row) less than 99.9 % found") }
        if dead <= 50, outcome.share < 0.99 { missed.append("\(row) less than 99 % found") }
        if dead <= 30, outcome.meanQueries > 20 { missed.append("\(row) more than 20 queries for a search") }
        if dead <= 30, p95 > 800 { missed.append("\(row) p95 above 800 ms") }
        return missed
    }
}
