// A network over an hour: nodes come and go, providers die without a word.
// It must never look into a node for what a search can tell.

import DHTCore
import DHTSimulation

/// The long run, and what it must show.
struct Life {
    let nodes: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    private static let minute: Int64 = 60_000
    private static let timeToLive: Int64 = 20

    /// Runs both parts and prints a line for each; gives the targets that were missed.
    func report() throws -> [Verdict] { [try ghosts(), try coming()] }

    /// What upkeep costs when nothing happens: bytes that a node sends in a second, from the second hour on, during two
    /// rounds of checks, as these come in waves.
    func quiet() -> Verdict {
        var network = Trial(
            nodes: nodes, dead: 0, searches: 0, seed: seed, growth: .joined, options: options
        ).network()
        network.run(60 * Self.minute)
        let (bytes, packets) = (network.bytes, network.packets)
        network.run(30 * Self.minute)
        let seconds = Double(30 * 60 * nodes)
        let rate = Double(network.bytes - bytes) / seconds
        print(
            "\(nodes) nodes with nothing to do: \(Simulator.decimal(rate, 1)) bytes and",
            "\(Simulator.decimal(Double(network.packets - packets) / seconds, 2)) packets sent per node and second"
        )
        return Verdict(
            "\(nodes) idle nodes send at most 100 bytes a second each", Simulator.decimal(rate, 1),
            kept: rate <= 100)
    }

    /// Providers that die: for how long are they still found?
    private func ghosts() throws -> Verdict {
        let trial = Trial(nodes: nodes, dead: 0, searches: 50, seed: seed, growth: .settled, options: options)
        var network = trial.network()
        trial.announce(in: &network, providers: 50)
        for number in 0..<50 { network.kill(number * nodes / 50) }
        let startedAt = network.now
        var lastSeen: Int64 = 0
        var after: [Int] = []
        while network.now - startedAt < 2 * Self.timeToLive * Self.minute + Self.minute {
            let found = try trial.search(&network).found
            if found > 0 { lastSeen = (network.now - startedAt) / 1000 }
            after.append(found)
            network.run(Self.minute)
        }
        print(
            "\(nodes) nodes, 50 providers dead: found after each minute or so", after.prefix(12),
            "and the last one after \(lastSeen) s (cards live for \(Self.timeToLive * 60) s)")
        return Verdict(
            "\(nodes) nodes: no dead provider is found after 2 lifetimes (\(2 * Self.timeToLive * 60) s)",
            "the last after \(lastSeen) s", kept: lastSeen <= 2 * Self.timeToLive * 60)
    }

    /// Nodes that live for half an hour on average: is everything found that is there?
    private func coming() throws -> Verdict {
        let trial = Trial(nodes: nodes, dead: 0, searches: 8, seed: seed, growth: .joined, options: options)
        var network = trial.network()
        // The first eight stay, and provide.
        for number in 0..<8 {
            let card = TestCards.fake(
                number, model: "model-\(number)", created: network.moment.unixSeconds, lifetime: 1800)
            _ = network.begin(number) { .announce(card, $0) }
        }
        network.churn(meanSession: Double(30 * Self.minute))
        let bytes = network.bytes
        var found = 0
        var asked = 0
        for _ in 0..<25 {
            network.run(Self.minute)
            let outcome = try trial.search(&network)
            found += outcome.found
            asked += outcome.times.count
        }
        let rate = Double(network.bytes - bytes) / Double(25 * 70 * nodes)
        print(
            "\(nodes) nodes that live for 30 minutes on average: found \(found) of \(asked);",
            "\(Simulator.decimal(rate, 0)) bytes per node and second")
        return Verdict(
            "\(nodes) nodes that come and go: at least 99.9 % found", "\(found) of \(asked)",
            kept: Double(found) >= 0.999 * Double(asked))
    }
}
