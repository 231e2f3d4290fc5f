// One measurement: a network, providers that announce, sudden deaths, and searches right afterwards.
// It must never measure anything but the product's own core, nor leave a search out of the figures.

@testable import DHTCore

/// What to measure.
public struct Trial {
    /// How the network comes to be.
    public enum Growth: String, Sendable, CaseIterable {
        /// Every node joins over the wire.
        case joined
        /// Full tables from the beginning, as in the reference figures.
        case settled
    }

    public var nodes: Int
    /// The share of nodes that die at once, right before the searches.
    public var dead: Double
    public var searches: Int
    public var seed: UInt64
    public var growth: Growth
    public var options: VirtualNetwork.Options

    public init(
        nodes: Int, dead: Double, searches: Int = 1000, seed: UInt64 = 1, growth: Growth = .settled,
        options: VirtualNetwork.Options = VirtualNetwork.Options()
    ) {
        self.nodes = nodes
        self.dead = dead
        self.searches = searches
        self.seed = seed
        self.growth = growth
        self.options = options
    }

    /// What came out.
    public struct Outcome: Sendable {
        public var found = 0
        /// Queries of each search, rising.
        public var queries: [Int] = []
        /// How long each search took, in milliseconds, rising.
        public var times: [Int64] = []
        /// Nodes in the tables of the living, on average.
        public var known = 0.0
        public var packets = 0

        public var share: Double { Double(found) / Double(max(1, times.count)) }
        public var meanQueries: Double { Double(queries.reduce(0, +)) / Double(max(1, queries.count)) }

        /// The value that so many of 100 do not exceed.
        public static func percentile<Value>(_ percent: Int, of sorted: [Value]) -> Value? {
            sorted.isEmpty ? nil : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
        }
    }

    /// Builds the network.
    public func network() -> VirtualNetwork {
        switch growth {
        case .joined:
            .joined(nodes, seed: seed, options: options, pace: max(5, min(100, 60_000 / Int64(nodes))))
        case .settled: .settled(nodes, seed: seed, options: options)
        }
    }

    /// Lets providers announce, one model each, `pace` milliseconds apart.
    public func announce(in network: inout VirtualNetwork, providers: Int, pace: Int64 = 20) {
        let who = self.providers(providers, in: network)
        for number in 0..<providers {
            let card = TestCards.fake(
                number, model: "model-\(number)", created: network.moment.unixSeconds)
            _ = network.begin(who[number]) { .announce(card, $0) }
            network.run(pace)
        }
        network.run(13_000)
    }

    /// Who provides each model. Liars provide nothing.
    private func providers(_ count: Int, in network: VirtualNetwork) -> [Int] {
        let honest = network.members.indices.filter { network.members[$0].liar == nil }
        return (0..<count).map { honest[$0 * honest.count / count] }
    }

    /// Runs it all: `searches` providers, then the deaths, then one search for each.
    public func run() throws -> Outcome {
        var network = network()
        return try measure(&network)
    }

    /// As `run`, in a network that is there already.
    public func measure(_ network: inout VirtualNetwork) throws -> Outcome {
        announce(in: &network, providers: searches)
        for index in network.members.indices where network.chance() < dead { network.kill(index) }
        return try search(&network)
    }

    /// One search for every announced model (`repeated`: so many, in turn), each from a living and honest node
    /// drawn by chance.
    public func search(_ network: inout VirtualNetwork, repeated: Int? = nil) throws -> Outcome {
        let living = network.members.indices.filter {
            network.members[$0].alive && network.members[$0].liar == nil
        }
        let providers = self.providers(searches, in: network)
        let before = network.packets
        var operations: [OperationID] = []
        for number in 0..<(repeated ?? searches) {
            let provider = providers[number % searches]
            var from = living[network.random.below(living.count)]
            // Nobody looks for whom he has no way to.
            while !network.members[from].shares(network.members[provider]) {
                from = living[network.random.below(living.count)]
            }
            operations.append(
                network.begin(from) { .find(.name("model-\(number % searches)"), limit: 1, $0) })
            network.run(20)
        }
        network.run(10_000)
        var outcome = Outcome(packets: network.packets - before)
        for operation in operations {
            guard let report = network.finds[operation] else { throw VirtualNetwork.NoResult() }
            if !report.cards.isEmpty { outcome.found += 1 }
            outcome.queries.append(report.asked + report.pages)
            outcome.times.append(report.milliseconds)
        }
        outcome.queries.sort()
        outcome.times.sort()
        let known = living.reduce(0) { $0 + network.members[$1].node.sides.known }
        outcome.known = Double(known) / Double(max(1, living.count))
        return outcome
    }
}
