// How a simulated network comes to be: node by node over the wire, or at once as it would be after a long life;
// and how nodes come and go in it. It must never give a node a table that the protocol could not have filled.

@testable import DHTCore

extension VirtualNetwork {
    /// Builds a network of `count` nodes that join through the first ones, one every `pace` milliseconds.
    public static func joined(
        _ count: Int, seed: UInt64, options: Options = Options(), pace: Int64 = 100
    ) -> VirtualNetwork {
        var network = VirtualNetwork(seed: seed, options: options)
        network.add()
        for _ in 1..<max(1, count) {
            let index = network.add()
            let door = network.members[network.random.below(min(index, 8))].endpoints
            network.feed(index, .command(.bootstrap(door)))
            network.run(pace)
        }
        network.run(60_000)
        return network
    }

    /// Builds a network of `count` nodes whose tables are as full as after a long and quiet life: of every
    /// length of shared prefix, `width` nodes drawn from those that there are.
    public static func settled(_ count: Int, seed: UInt64, options: Options = Options()) -> VirtualNetwork {
        var network = VirtualNetwork(seed: seed, options: options)
        for _ in 0..<count { network.add() }
        for family in AddressFamily.allCases {
            let inside = network.members.indices.filter { network.members[$0].endpoint(family) != nil }
            let open = inside.filter { !network.members[$0].isHidden }
                .map { (key: network.members[$0].node.id(family).leading, index: $0) }
                .sorted { $0.key < $1.key }
            for index in inside { network.fill(index, family, from: open) }
        }
        return network
    }

    private mutating func fill(
        _ index: Int, _ family: AddressFamily, from open: [(key: UInt64, index: Int)]
    ) {
        let own = members[index].node.id(family).leading
        for depth in 0..<48 {
            let rest = UInt64.max >> (depth + 1)
            let low = (own ^ (rest &+ 1)) & ~rest
            let range = Self.first(open, from: low)..<Self.first(open, from: low | rest, past: true)
            var chosen: Set<Int> = []
            if range.count <= options.configuration.width {
                chosen = Set(range)
            } else {
                while chosen.count < options.configuration.width {
                    chosen.insert(range.lowerBound + random.below(range.count))
                }
            }
            for place in chosen.sorted() {
                let other = members[open[place].index].contacts.first { $0.endpoint.family == family }
                let time = random.logNormal(median: options.medianRoundTrip, sigma: options.sigma)
                if let other { members[index].node.learn(other, roundTrip: Int64(time), now: now) }
            }
            // Nobody but ourselves is nearer.
            let near = own & ~rest
            let nearer = Self.first(open, from: near)..<Self.first(open, from: near | rest, past: true)
            if nearer.count <= 1 { return }
        }
    }

    /// The place of the first key that is not below `key` (`past`: that is above it).
    private static func first(
        _ sorted: [(key: UInt64, index: Int)], from key: UInt64, past: Bool = false
    ) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].key < key || (past && sorted[middle].key == key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// From now on every node lives for an exponential time of this mean, in milliseconds; then a new one, with
    /// a new id and address, joins through nodes that live. Every second one says goodbye.
    public mutating func churn(meanSession: Double) {
        session = meanSession
        for index in members.indices where members[index].alive && index >= 8 { scheduleDeath(index) }
    }

    private mutating func scheduleDeath(_ index: Int) {
        guard let session else { return }
        events.add(.death(index), at: now + Int64(random.exponential(mean: session)))
    }

    mutating func replace(_ index: Int) {
        guard members[index].alive else { return }
        if random.chance() < 0.5 { feed(index, .command(.leave)) }
        kill(index)
        let doors = (0..<3).flatMap { _ in members[random.below(8)].endpoints }
        let newcomer = add()
        feed(newcomer, .command(.bootstrap(doors)))
        scheduleDeath(newcomer)
    }
}

extension NodeID {
    /// The first 64 bits.
    fileprivate var leading: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

extension DHTNode {
    /// Takes a node into the table as if it had just answered.
    mutating func learn(_ contact: NodeContact, roundTrip time: Int64, now: Int64) {
        roundTrip.learn(time)
        let family = contact.endpoint.family
        _ = sides[family].table.answered(contact, roundTrip: time, isInfernet: true, now: now)
    }
}
