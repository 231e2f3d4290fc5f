// A network of nodes in virtual time: seeded delays, losses and deaths, replayable to the bit.
// It must never use a real clock or real chance: one seed is one run.

import DHTCore
import NodeModel

/// Nodes on made-up addresses, and the packets between them.
struct VirtualNetwork {
    struct Options {
        var medianRoundTrip: Double = 80
        var sigma: Double = 0.6
        var loss: Double = 0.01
        var configuration = DHTConfiguration()
        var verifier: DHTNode.Verifier = { TestCards.isFakeSigned($0) }
    }

    private enum Event {
        case packet([UInt8], from: Endpoint, to: Endpoint)
        case wake(Int)
    }

    private struct Item {
        let time: Int64
        let order: Int
        let event: Event
    }

    struct Member {
        var node: DHTNode
        let endpoint: Endpoint
        var alive = true
        var wakeAt: Int64?
    }

    let seed: UInt64
    private(set) var now: Int64 = 0
    var members: [Member] = []
    private let options: Options
    private var random: DHTRandom
    private var heap: [Item] = []
    private var order = 0
    private var indexAt: [Endpoint: Int] = [:]
    private(set) var packets = 0
    private(set) var bytes = 0
    private(set) var finds: [OperationID: FindReport] = [:]
    private(set) var announcements: [OperationID: Result<AnnounceReport, KRPCError>] = [:]
    private var operations = 0

    static let unixStart: Int64 = 1_800_000_000

    init(seed: UInt64, options: Options = Options()) {
        self.seed = seed
        self.options = options
        random = DHTRandom(seed: seed)
    }

    var moment: Moment { Moment(milliseconds: now, unixSeconds: Self.unixStart + now / 1000) }

    /// Adds a node on an address in its own /24 (unless given one) and returns its index.
    @discardableResult
    mutating func add(at endpoint: Endpoint? = nil) -> Int {
        let index = members.count
        let place = endpoint ?? Endpoint(address: 0x1400_0001 + UInt32(index) << 8, port: 6881)
        let id = NodeID.random(using: &random)
        let node = DHTNode(
            id: id, configuration: options.configuration, random: DHTRandom(seed: random.next()), now: moment,
            verifier: options.verifier)
        members.append(Member(node: node, endpoint: place))
        indexAt[place] = index
        feed(index, .time)
        return index
    }

    /// Gives a node an input at the present time.
    mutating func feed(_ index: Int, _ input: NodeInput) {
        guard members[index].alive else { return }
        for action in members[index].node.handle(input, now: moment) {
            switch action {
            case .send(let packet, let to):
                packets += 1
                bytes += packet.count
                guard chance() >= options.loss else { continue }
                push(.packet(packet, from: members[index].endpoint, to: to), at: now + delay())
            case .wake(let time):
                members[index].wakeAt = time
                push(.wake(index), at: max(time, now))
            case .found(let operation, let report): finds[operation] = report
            case .announced(let operation, let result): announcements[operation] = result
            }
        }
    }

    mutating func kill(_ index: Int) { members[index].alive = false }

    /// Runs for so many milliseconds of virtual time.
    mutating func run(_ milliseconds: Int64) {
        let end = now + milliseconds
        while let first = heap.first, first.time <= end {
            let item = pop()
            now = max(now, item.time)
            switch item.event {
            case .packet(let packet, let from, let to):
                if let index = indexAt[to] { feed(index, .packet(packet, from: from)) }
            case .wake(let index):
                if members[index].wakeAt == item.time { feed(index, .time) }
            }
        }
        now = end
    }

    /// Builds a network of `count` nodes that join through the first one.
    static func joined(_ count: Int, seed: UInt64, options: Options = Options()) -> VirtualNetwork {
        var network = VirtualNetwork(seed: seed, options: options)
        let first = network.add()
        let door = network.members[first].endpoint
        for _ in 1..<count {
            let index = network.add()
            network.feed(index, .command(.bootstrap([door])))
            network.run(100)
        }
        network.run(60_000)
        return network
    }

    mutating func announce(_ index: Int, _ card: SignedEvent, wait: Int64 = 13_000) throws -> AnnounceReport {
        operations += 1
        feed(index, .command(.announce(card, operations)))
        run(wait)
        guard let result = announcements[operations] else { throw NoResult() }
        return try result.get()
    }

    /// Runs just until the search has ended.
    mutating func find(_ index: Int, _ topic: Topic, limit: Int = 1) throws -> FindReport {
        operations += 1
        let operation = operations
        feed(index, .command(.find(topic, limit: limit, operation)))
        let end = now + 20_000
        while finds[operation] == nil, now < end { run(10) }
        guard let report = finds[operation] else { throw NoResult() }
        return report
    }

    /// An operation that never ended: always a fault of the core.
    struct NoResult: Error {}

    mutating func chance() -> Double { Double(random.next() >> 11) / Double(1 << 53) }

    /// Half of a log-normal round trip.
    private mutating func delay() -> Int64 {
        // The sum of twelve uniform numbers is near enough to a normal one, and needs no mathematics library.
        var normal = -6.0
        for _ in 0..<12 { normal += chance() }
        return max(1, Int64(options.medianRoundTrip / 2 * exponential(options.sigma * normal)))
    }

    private func exponential(_ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        for step in 1...30 {
            term *= x / Double(step)
            sum += term
        }
        return sum
    }

    private mutating func push(_ event: Event, at time: Int64) {
        heap.append(Item(time: time, order: order, event: event))
        order += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Item {
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if precedes(heap[child], heap[least]) { least = child }
            }
            if least == parent { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ one: Item, _ other: Item) -> Bool {
        one.time != other.time ? one.time < other.time : one.order < other.order
    }
}
