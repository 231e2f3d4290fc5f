// A whole DHT node as a value: packets, time and commands in; packets, wishes and results out.
// It must never touch a socket, a clock or chance of its own, so that a run can be replayed to the bit.

import NodeModel

/// The state machine of one node. Feed it with `handle`, carry out what it returns.
public struct DHTNode: Sendable {
    /// Checks the signature of a record; injected, so that large simulations can do without.
    public typealias Verifier = @Sendable (CardRecord) -> Bool

    /// A query of ours that may still be answered.
    struct Pending: Sendable {
        let serial: Int
        let endpoint: Endpoint
        /// The id that the node is known by; nil for an endpoint whose id is not known.
        let expected: NodeID?
        let sentAt: Int64
        let patience: Int64
        let purpose: Purpose
    }

    /// What an answer is wanted for.
    enum Purpose: Sendable {
        /// To know whether the node is there. `leaving`: it said so, without proof.
        case check(leaving: Bool)
        /// The next step of a lookup. `plain`: asked by `find_node`, as the node does not know `inf_find`.
        case lookup(Int, plain: Bool)
        /// More cards from a node that has more than fitted.
        case page(Int, PagePlan.Page)
        /// A card stored at the node.
        case put(Int, shelf: Int, token: [UInt8])
        /// To know whether the one who put cards here is still there.
        case probe
        /// How a provider is, signed over this challenge.
        case status(Int, place: Int, challenge: [UInt8])
        /// A piece of a provider's descriptor.
        case describe(Int)
        /// Something of Mainline stored at the node.
        case store(Int)
        /// Something about evidence.
        case evidence(EvidencePurpose)
        /// Nothing: a courtesy.
        case goodbye
    }

    enum Timer: Sendable {
        case soft(UInt32, serial: Int)
        case hard(UInt32, serial: Int)
        case lookupDeadline(Int)
        case announceDeadline(Int)
        case statusDeadline(Int)
        case reannounce
        case maintenance
    }

    let configuration: DHTConfiguration
    let verifier: Verifier
    var random: DHTRandom
    /// Ids and tables, by address family.
    var sides: Sides
    var cards: CardStore
    var peers: PeerStore
    var items = MainlineItemStore()
    var desk = EvidenceDesk()
    var tokens: TokenJar
    var limiter: RateLimiter?
    /// Replies much larger than their query, to addresses that nothing proves.
    var largesse: RateLimiter
    var timers = TimerQueue<Timer>()
    var pending: [UInt32: Pending] = [:]
    var serial = 0
    var roundTrip = RoundTrip()
    var lookups: [Int: LookupRun] = [:]
    var announcements: [Int: AnnounceRun] = [:]
    /// Searches under way, each a lookup in every network that this node lives in.
    var searches: [OperationID: SearchRun] = [:]
    var mainline: [Int: MainlineRun] = [:]
    var ownCards: [OwnCard] = []
    var statusRuns: [Int: StatusRun] = [:]
    /// What this node's provider says of itself.
    var descriptor: CardRecord?
    var descriptorRuns: [Int: DescriptorRun] = [:]
    /// Who asked how this node's provider is, until the answer is there.
    var statusAskers: [Int: StatusAsker] = [:]
    /// Each answer costs a signature: so many in all, and for one address range.
    var statusLimits: (all: RateLimiter, range: RateLimiter)
    /// How deep crowded topics were at the last search.
    var shardDepths: [Topic: Int] = [:]
    var tokensRotatedAt: Int64
    var sweptAt: Int64
    var reannounceSoon = false
    /// What this node has seen and done.
    public internal(set) var counters = NodeCounters()
    var actions: [NodeAction] = []
    private var wakeAt: Int64?
    /// Monotonic milliseconds of the input that is being worked on.
    private var present: Int64

    /// A node that knows nobody.
    ///
    /// `random` is unpredictable in production; the same seed and inputs give the same run. `idV6` is the id among nodes of
    /// IPv6; nil for the same one.
    public init(
        id: NodeID, idV6: NodeID? = nil, configuration: DHTConfiguration = DHTConfiguration(),
        random: DHTRandom, now: Moment,
        verifier: @escaping Verifier = { $0.isGenuine }
    ) {
        self.configuration = configuration
        self.verifier = verifier
        self.random = random
        var limits = configuration.cardLimits
        limits.groups = configuration.groups
        sides = Sides(configuration, ids: (id, idV6 ?? id))
        cards = CardStore(limits: limits, rules: configuration.cardRules)
        peers = PeerStore(groups: configuration.groups)
        tokens = TokenJar(random: &self.random)
        let salt = self.random.next()
        limiter = configuration.queryRate.map { RateLimiter(perSecond: $0, salt: salt) }
        largesse = RateLimiter(perSecond: configuration.largeReplyRate, salt: ~salt, places: 256)
        statusLimits = (
            RateLimiter(perSecond: configuration.statusRate.all, salt: salt, places: 1),
            RateLimiter(perSecond: configuration.statusRate.range, salt: salt, places: 256)
        )
        present = now.milliseconds
        tokensRotatedAt = now.milliseconds
        sweptAt = now.milliseconds
        // Nodes started together must not keep house together.
        let jitter = Int64(self.random.next() % UInt64(max(1, configuration.maintenance)))
        timers.add(.maintenance, at: now.milliseconds + jitter)
    }

    /// This node's id in the network of one family.
    public func id(_ family: AddressFamily) -> NodeID { sides[family].id }

    /// Whether others in the network of one family are asked not to take this node into their tables.
    func isReadOnly(_ family: AddressFamily, _ now: Moment) -> Bool {
        configuration.readOnly == .always
            || sides[family].reach?.isReadOnly(at: now.milliseconds) ?? false
    }

    /// The entry of whoever is at `endpoint`.
    func entry(at endpoint: Endpoint) -> TableEntry? { sides[endpoint.family].table.entry(at: endpoint) }

    /// Takes one input and returns what is to be done, in order.
    public mutating func handle(_ input: NodeInput, now: Moment) -> [NodeAction] {
        present = now.milliseconds
        switch input {
        case .packet(let bytes, let source): receive(bytes, source, now)
        case .command(let command): obey(command, now)
        case .status(let ticket, let event): tellStatus(ticket, event, now)
        case .time: break
        }
        while let timer = timers.take(dueAt: now.milliseconds) { fire(timer, now) }
        if timers.next != wakeAt, let next = timers.next {
            wakeAt = next
            actions.append(.wake(at: next))
        }
        let out = actions
        actions = []
        return out
    }

    private mutating func receive(_ bytes: [UInt8], _ source: Endpoint, _ now: Moment) {
        counters.bytesIn += bytes.count
        guard source.isUsable else {
            counters.garbage += 1
            return
        }
        switch KRPCDecoder.decode(bytes[...]) {
        case .garbage: counters.garbage += 1
        case .badQuery(let transaction, let error):
            guard limiter?.admit(source, now: now.milliseconds, exempting: configuration.groups) ?? true
            else {
                counters.rateLimited += 1
                return
            }
            refuse(error, transaction, source, room: bytes.count)
        case .message(let message):
            switch message.body {
            case .query(let query): answer(query, message, from: source, size: bytes.count, now)
            case .reply(let reply): take(reply, message, from: source, now)
            case .error(let error): take(error, message, from: source, now)
            }
        }
    }

    private mutating func obey(_ command: NodeCommand, _ now: Moment) {
        switch command {
        case .bootstrap(let endpoints): setBootstrap(endpoints, now)
        case .remember(let contacts): join(through: contacts, now)
        case .announce(let event, let operation): announce(event, operation, now)
        case .keepDescriptor(let event): keepDescriptor(event)
        case .keepEvidence(let pieces): for piece in pieces { _ = try? keep(piece, from: nil, now) }
        case .describe(let target, let operation): describe(target, operation, now)
        case .withdraw: withdraw(leaving: false, now)
        case .leave: withdraw(leaving: true, now)
        case .mainline(let wish, let operation): begin(wish, operation, now)
        case .probe(let targets, let operation): probe(targets, operation, now)
        case .evidence(let wish, let operation): begin(wish, operation, now)
        case .find(let topic, let limit, let filter, let operation):
            find(topic, limit, filter, operation, now)
        }
    }

    private mutating func fire(_ timer: Timer, _ now: Moment) {
        switch timer {
        case .soft(let key, let serial): softTimeout(key, serial, now)
        case .hard(let key, let serial): hardTimeout(key, serial, now)
        case .lookupDeadline(let key): endLookup(key, now)
        case .announceDeadline(let key): endAnnouncement(key, now)
        case .statusDeadline(let key): statusTime(key)
        case .reannounce:
            reannounceSoon = false
            reannounce(now)
        case .maintenance:
            maintain(now)
            timers.add(.maintenance, at: now.milliseconds + configuration.maintenance)
        }
    }

    mutating func verify(_ record: CardRecord) -> Bool {
        counters.verifications += 1
        return verifier(record)
    }

    mutating func transmit(_ message: KRPCMessage, to endpoint: Endpoint) {
        transmit(message.encoded(), to: endpoint)
    }

    mutating func transmit(_ bytes: [UInt8], to endpoint: Endpoint) {
        // Without a socket of that family it is lost, as on a network without a way there.
        guard configuration.families.contains(endpoint.family) else { return }
        counters.bytesOut += bytes.count
        actions.append(.send(bytes, to: endpoint))
        sides[endpoint.family].reach?.wrote(to: endpoint, now: present)
    }
}

extension RateLimiter {
    /// As `admit`, but local addresses are not limited when the groups exempt them.
    mutating func admit(_ endpoint: Endpoint, now: Int64, exempting groups: AddressGroups) -> Bool {
        if groups.exemptLocal && endpoint.isLocal { return true }
        return admit(endpoint, now: now)
    }
}
