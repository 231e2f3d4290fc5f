// A network of nodes in virtual time: seeded delays, losses, deaths and NATs, replayable to the bit.
// It must never use a real clock or real chance: one seed is one run.

public import NodeModel

@testable public import DHTCore

/// Nodes on made-up addresses, and the packets between them.
public struct VirtualNetwork {
    /// What the network between the nodes is like.
    public struct Options {
        /// In milliseconds; every packet draws its own half.
        public var medianRoundTrip: Double = 80
        public var sigma: Double = 0.6
        public var loss: Double
        /// The share of nodes behind a NAT: read-only, and reached only by whom they wrote to lately.
        public var natShare: Double = 0
        /// How long a NAT lets answers in, in milliseconds.
        public var natMemory: Int64 = 60_000
        /// Whether nodes behind a NAT know that; else they are as all others, by `configuration`.
        public var natIsKnown = true
        /// The shares of the nodes that have IPv6 alone, and both; the others have IPv4 alone.
        public var sixShare: Double = 0
        public var dualShare: Double = 0
        /// Nodes know their addresses from earlier runs, and have ids that follow from them (BEP 42).
        public var boundIDs = true
        public var configuration = DHTConfiguration()
        public var verifier: DHTNode.Verifier = { TestCards.isFakeSigned($0) }

        public init(loss: Double = 0.01) { self.loss = loss }
    }

    enum Event: Sendable {
        case packet([UInt8], from: Endpoint, to: Endpoint)
        case wake(Int)
        /// This node goes, and a new one comes; see `churn`.
        case death(Int)
    }

    /// One node and its circumstances.
    public struct Member {
        public var node: DHTNode
        /// One, or one of each family, IPv4 first.
        public let endpoints: [Endpoint]
        public internal(set) var alive = true
        /// Whom it wrote to, and when; nil without a NAT.
        var written: [Endpoint: Int64]?
        var wakeAt: Int64?
        /// Set for a node that works against the others; then `node` never hears anything.
        var liar: Liar?

        public var endpoint: Endpoint { endpoints[0] }

        /// Where it is in the network of one family; nil when it is not in it.
        public func endpoint(_ family: AddressFamily) -> Endpoint? {
            endpoints.first { $0.family == family }
        }

        /// As others name it, in every network that it is in.
        var contacts: [NodeContact] {
            endpoints.map { NodeContact(id: node.id($0.family), endpoint: $0) }
        }

        /// Whether a packet can go from one to the other.
        public func shares(_ other: Member) -> Bool {
            endpoints.contains { other.endpoint($0.family) != nil }
        }

        /// Whether it works against the others.
        public var isLiar: Bool { liar != nil }
        /// Whether it is behind a NAT.
        public var isHidden: Bool { written != nil }
    }

    public let seed: UInt64
    public private(set) var now: Int64 = 0
    public internal(set) var members: [Member] = []
    let options: Options
    public var random: SimulatedRandom
    var events = EventQueue<Event>()
    private var indexAt: [Endpoint: Int] = [:]
    /// Mean session of a node in milliseconds, while nodes come and go.
    var session: Double?
    /// All liars, as they name each other.
    var ring: [NodeContact] = []
    public private(set) var packets = 0
    public private(set) var bytes = 0
    public private(set) var finds: [OperationID: FindReport] = [:]
    public private(set) var announcements: [OperationID: Result<AnnounceReport, KRPCError>] = [:]
    public private(set) var mainline: [OperationID: MainlineReport] = [:]
    public private(set) var probes: [OperationID: [StatusReport]] = [:]
    public private(set) var testimonies: [OperationID: EvidenceReport] = [:]
    public private(set) var descriptors: [OperationID: DescriptorEnd] = [:]
    /// What a member's provider has signed when it is asked how it is.
    public var status: @Sendable (_ index: Int, _ challenge: String) -> SignedEvent? = { _, _ in nil }
    private var operations = 0

    /// An empty network.
    public init(seed: UInt64, options: Options = Options()) {
        self.seed = seed
        self.options = options
        random = SimulatedRandom(seed: seed)
    }

    /// Unix time at the beginning of every network.
    public static let unixStart: Int64 = 1_800_000_000

    /// The present on both clocks.
    public var moment: Moment { Moment(milliseconds: now, unixSeconds: Self.unixStart + now / 1000) }

    /// A public address that nobody has.
    private mutating func freshEndpoint(_ family: AddressFamily) -> Endpoint {
        while true {
            let (high, low) = (random.next(), family == .v6 ? random.next() : 0)
            let address =
                family == .v4
                ? IPAddress(v4: UInt32(truncatingIfNeeded: high)) : IPAddress(v6: 1 << 61 | high >> 3, low)
            guard let address else { continue }
            let place = Endpoint(address, port: 6881)
            if place.isUsable, !place.isLocal, indexAt[place] == nil { return place }
        }
    }

    /// What the next node has. The first ones have both where anybody has: they are doors for all.
    private mutating func freshEndpoints() -> [Endpoint] {
        guard options.sixShare + options.dualShare > 0 else { return [freshEndpoint(.v4)] }
        let chance = members.count < 8 ? 1 : random.chance() + options.dualShare
        if chance >= 1 { return [freshEndpoint(.v4), freshEndpoint(.v6)] }
        return [freshEndpoint(chance < options.dualShare + options.sixShare ? .v6 : .v4)]
    }

    /// Adds a node on a public address of its own (unless given one) and returns its index.
    @discardableResult
    public mutating func add(at endpoint: Endpoint? = nil) -> Int {
        let index = members.count
        let places = endpoint.map { [$0] } ?? freshEndpoints()
        var ids: [NodeID] = []
        for place in places {
            ids.append(
                options.boundIDs
                    ? NodeID.bound(to: place.address, salt: UInt8(random.below(256)), using: &random)
                    : NodeID.random(using: &random))
        }
        // The first ones are doors for the others.
        let hidden = index >= 8 && random.chance() < options.natShare
        var configuration = options.configuration
        if hidden, options.natIsKnown { configuration.readOnly = .always }
        configuration.families = Set(places.map(\.family))
        let node = DHTNode(
            id: ids[0], idV6: ids[ids.count - 1], configuration: configuration,
            random: DHTRandom(seed: random.next()), now: moment,
            verifier: options.verifier)
        members.append(Member(node: node, endpoints: places, written: hidden ? [:] : nil))
        for place in places { indexAt[place] = index }
        feed(index, .time)
        return index
    }

    /// Gives a node an input at the present time.
    public mutating func feed(_ index: Int, _ input: NodeInput) {
        guard members[index].alive else { return }
        if let liar = members[index].liar {
            guard case .packet(let packet, let source) = input,
                let answer = liar.answer(
                    packet, as: members[index].node.sides[source.family].id, source.family, ring)
            else { return }
            return send(answer, from: index, to: source)
        }
        for action in members[index].node.handle(input, now: moment) {
            switch action {
            case .send(let packet, let to): send(packet, from: index, to: to)
            case .wake(let time):
                members[index].wakeAt = time
                events.add(.wake(index), at: max(time, now))
            case .found(let operation, let report): finds[operation] = report
            case .announced(let operation, let result): announcements[operation] = result
            case .mainline(let operation, let report): mainline[operation] = report
            case .probed(let operation, let reports): probes[operation] = reports
            case .evidence(let operation, let report): testimonies[operation] = report
            case .described(let operation, let end): descriptors[operation] = end
            case .kept: break
            case .askStatus(let ticket, let challenge):
                feed(index, .status(ticket, status(index, Hex.encode(challenge))))
            }
        }
    }

    private mutating func send(_ packet: [UInt8], from index: Int, to: Endpoint) {
        packets += 1
        bytes += packet.count
        // Not by the method: that copies the member, which has dozens of parts.
        guard let source = members[index].endpoints.first(where: { $0.family == to.family }) else { return }
        members[index].written?[to] = now
        guard chance() >= options.loss else { return }
        let half = random.logNormal(median: options.medianRoundTrip / 2, sigma: options.sigma)
        events.add(.packet(packet, from: source, to: to), at: now + max(1, Int64(half)))
    }

    /// A sudden death: not a word to anybody.
    public mutating func kill(_ index: Int) { members[index].alive = false }

    /// The node that was cut off is back, with all that it knew.
    public mutating func revive(_ index: Int) {
        members[index].alive = true
        feed(index, .time)
    }

    /// Runs for so many milliseconds of virtual time.
    public mutating func run(_ milliseconds: Int64) {
        let end = now + milliseconds
        while let (next, event) = events.take(dueAt: end) {
            now = max(now, next)
            switch event {
            case .packet(let packet, let from, let to):
                guard let index = indexAt[to], admits(index, from) else { continue }
                feed(index, .packet(packet, from: from))
            case .wake(let index):
                if members[index].wakeAt == next { feed(index, .time) }
            case .death(let index): replace(index)
            }
        }
        now = end
    }

    private func admits(_ index: Int, _ source: Endpoint) -> Bool {
        guard let written = members[index].written else { return true }
        return written[source].map { now - $0 <= options.natMemory } ?? false
    }

    /// Gives a node a command and returns the operation's number.
    public mutating func begin(_ index: Int, _ command: (OperationID) -> NodeCommand) -> OperationID {
        operations += 1
        let operation = operations
        feed(index, .command(command(operation)))
        return operation
    }

    /// Announces a card and waits for the end of it.
    public mutating func announce(
        _ index: Int, _ card: SignedEvent, wait: Int64 = 13_000
    ) throws -> AnnounceReport {
        let operation = begin(index) { .announce(card, $0) }
        run(wait)
        guard let result = announcements[operation] else { throw NoResult() }
        return try result.get()
    }

    /// Runs just until the search has ended.
    public mutating func find(_ index: Int, _ topic: Topic, limit: Int = 1) throws -> FindReport {
        let operation = begin(index) { .find(topic, limit: limit, $0) }
        let end = now + 20_000
        while finds[operation] == nil, now < end { run(10) }
        guard let report = finds[operation] else { throw NoResult() }
        return report
    }

    /// Runs just until the providers have been asked.
    public mutating func probe(_ index: Int, _ targets: [StatusTarget]) throws -> [StatusReport] {
        let operation = begin(index) { .probe(targets, $0) }
        let end = now + 5_000
        while probes[operation] == nil, now < end { run(1) }
        guard let reports = probes[operation] else { throw NoResult() }
        return reports
    }

    /// Runs just until evidence is published or gathered.
    public mutating func evidence(_ index: Int, _ wish: EvidenceWish) throws -> EvidenceReport {
        let operation = begin(index) { .evidence(wish, $0) }
        let end = now + 60_000
        while testimonies[operation] == nil, now < end { run(10) }
        guard let report = testimonies[operation] else { throw NoResult() }
        return report
    }

    /// An operation that never ended: always a fault of the core.
    public struct NoResult: Error {
        public init() {}
    }

    /// A number from 0 up to 1.
    public mutating func chance() -> Double { random.chance() }
}
