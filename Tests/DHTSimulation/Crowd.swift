// Many providers of one model: how many of them a search brings, and from how many shards.
// It must never let a provider know that others are many: he learns it from those who hold his card.

public import NodeModel

@testable public import DHTCore

/// A network in which some of the nodes provide one model, and what searches for it brought.
public struct Crowd {
    public static let topic = Topic.name("smollm2")
    public var network: VirtualNetwork
    public let providers: Int

    /// Lets `providers` of the nodes announce the same model, and waits until those who came first know of the others.
    public init(_ network: VirtualNetwork, providers: Int, pace: Int64 = 50) {
        self.network = network
        self.providers = providers
        for number in 0..<providers {
            let place = number * self.network.members.count / providers
            let card = TestCards.fake(number, created: self.network.moment.unixSeconds, lifetime: 1800)
            _ = self.network.begin(place) { .announce(card, $0) }
            self.network.run(pace)
        }
        self.network.run(11 * 60_000)
    }

    /// What came of some searches.
    public struct Outcome: Sendable {
        /// How many each brought, rising.
        public var found: [Int] = []
        /// Questions of each, rising.
        public var queries: [Int] = []
        public var times: [Int64] = []
        /// Of how many of the shards of two bits the cards of each are, rising.
        public var quarters: [Int] = []
        /// How often each provider was found.
        public var perProvider: [PublicKey: Int] = [:]
        /// Cards that were twice in one result.
        public var doubles = 0
    }

    /// Searches from nodes drawn by chance. `again`: each has searched before, and knows how deep the topic is.
    public mutating func search(_ limit: Int, times: Int, again: Bool = false) throws -> Outcome {
        var outcome = Outcome()
        for _ in 0..<times {
            let from = network.random.below(network.members.count)
            if again { _ = try network.find(from, Self.topic, limit: limit) }
            let report = try network.find(from, Self.topic, limit: limit)
            let authors = Set(report.cards.map(\.pubkey))
            outcome.doubles += report.cards.count - authors.count
            outcome.found.append(authors.count)
            outcome.queries.append(report.asked + report.pages)
            outcome.times.append(report.milliseconds)
            outcome.quarters.append(Set(authors.map { $0.shardBits(2) }).count)
            for author in authors { outcome.perProvider[author, default: 0] += 1 }
        }
        outcome.found.sort()
        outcome.queries.sort()
        outcome.times.sort()
        outcome.quarters.sort()
        return outcome
    }
}
