// One iterative Kademlia lookup: whom to ask next, and when the nearest nodes are known.
// It must never wait for a node that is late when others can answer, nor ask more nodes than its budget.

/// The state of one lookup; it asks nobody itself.
public struct Lookup: Sendable {
    /// How far a candidate has got.
    ///
    /// `guide`: answered, but keeps nothing of ours; it only showed the way.
    public enum State: Sendable { case fresh, asked, late, answered, guide, failed }

    /// One node on the way to the target.
    public struct Candidate: Sendable {
        public let contact: NodeContact
        public internal(set) var state: State
        /// The node's token, when it answered with one.
        public internal(set) var token: [UInt8]?
        let distance: NodeID
        /// Which of the disjoint paths led to it.
        let path: Int
        /// Its address entitles it to its id (BEP 42), or nobody asked for that.
        let isEntitled: Bool

        fileprivate func precedes(_ other: Candidate) -> Bool {
            isEntitled != other.isEntitled ? isEntitled : distance < other.distance
        }
    }

    public let target: NodeID
    /// The network that is searched; nodes of the other are not asked.
    let family: AddressFamily
    private let width: Int
    private let parallel: Int
    private let paths: Int
    /// The nearest nodes that each path must hear.
    private let lane: Int
    private let budget: Int
    private let prefersEntitled: Bool
    /// Nearest first.
    public private(set) var candidates: [Candidate] = []
    private var seeds: [Endpoint: State] = [:]
    private var unaskedSeeds: [Endpoint]
    /// Whom each path has heard of.
    private var known: [Set<Endpoint>]
    /// Whom one of the paths asked, and did not find to be another than was said.
    private var claimed: Set<Endpoint> = []
    private var dealt = 0

    /// Queries sent for candidates and seeds.
    public private(set) var asked = 0
    /// Nodes that answered.
    public private(set) var answered = 0
    /// Nodes that did not answer in time.
    public private(set) var timedOut = 0

    /// A lookup of the `width` nodes nearest to `target`, with `parallel` questions open at a time.
    ///
    /// `prefersEntitled`: nodes whose addresses do not entitle them to their ids (BEP 42) count as farther than all
    /// others, so that nobody can lay himself around a key; and those who answer without a token, as nodes of other
    /// kinds do, are not among the nearest.
    /// `paths`: so many lookups beside each other, which share out the first nodes and go on with what their own nodes
    /// name, and none asks whom another asked (S/Kademlia). Those who name only each other then hold one path, not all.
    /// `seeds` are endpoints whose ids are not known (bootstrap nodes); they are asked first. Those in `avoiding` are
    /// not asked, whoever names them.
    public init(
        target: NodeID, family: AddressFamily = .v4, width: Int = 8, parallel: Int = 4, budget: Int = 64,
        prefersEntitled: Bool = false,
        paths: Int = 1, seeds: [Endpoint] = [], avoiding: Set<Endpoint> = []
    ) {
        self.target = target
        self.family = family
        self.width = width
        self.paths = max(1, paths)
        self.parallel = self.paths == 1 ? parallel : max(2, parallel / self.paths)
        lane = (width + self.paths - 1) / self.paths
        self.budget = budget
        self.prefersEntitled = prefersEntitled
        unaskedSeeds = Array(seeds.lazy.filter { $0.family == family }.prefix(16))
        known = Array(repeating: avoiding, count: self.paths)
    }

    /// Adds nodes that we know ourselves, to the paths in turn.
    public mutating func add(_ contacts: some Sequence<NodeContact>) {
        for contact in contacts {
            add([contact], to: dealt % paths)
            dealt += 1
        }
    }

    /// Adds nodes that somebody on a path named; an endpoint counts once there, under the first id it came with. Of more
    /// than four times `width` on a path, the farthest are left out, and may come again.
    private mutating func add(_ contacts: some Sequence<NodeContact>, to path: Int) {
        for contact in contacts
        where contact.endpoint.family == family && contact.endpoint.isUsable
            && !known[path].contains(contact.endpoint)
        {
            let candidate = Candidate(
                contact: contact, state: .fresh, token: nil, distance: contact.id.distance(to: target),
                path: path, isEntitled: !prefersEntitled || contact.id.isBound(to: contact.endpoint))
            let place = candidates.firstIndex { candidate.precedes($0) } ?? candidates.count
            guard candidates[..<place].count(where: { $0.path == path }) < 4 * width,
                !candidates.contains(where: { $0.path == path && $0.contact.id == contact.id })
            else { continue }
            known[path].insert(contact.endpoint)
            candidates.insert(candidate, at: place)
            if candidates.count(where: { $0.path == path }) > 4 * width,
                let last = candidates.lastIndex(where: { $0.path == path }), candidates[last].state == .fresh
            {
                known[path].remove(candidates[last].contact.endpoint)
                candidates.remove(at: last)
            }
        }
    }

    /// Whether it would end with fewer than `width` answers: all that others name is silent, as when many died at once
    /// and their neighbours do not know it yet. Farther nodes know others.
    public var isStarved: Bool {
        isConverged && asked < budget && candidates.count { $0.state == .answered } < width
    }

    /// Whom to ask now: seeds, then the nearest unasked among the `width` nearest that may still answer.
    public mutating func next() -> (contacts: [NodeContact], seeds: [Endpoint]) {
        var open = seeds.values.count { $0 == .asked }
        var outSeeds: [Endpoint] = []
        while open < 2 * parallel, asked < budget, !unaskedSeeds.isEmpty {
            let seed = unaskedSeeds.removeFirst()
            guard !known[0].contains(seed), seeds[seed] == nil else { continue }
            seeds[seed] = .asked
            outSeeds.append(seed)
            open += 1
            asked += 1
        }
        var contacts: [NodeContact] = []
        for path in 0..<paths {
            // Who is asked for his id as well as for the way counts on the first path.
            var busy = candidates.count { $0.path == path && $0.state == .asked } + (path == 0 ? open : 0)
            var hopeful = 0
            for index in candidates.indices where candidates[index].path == path {
                guard busy < parallel, asked < budget, hopeful < lane else { break }
                switch candidates[index].state {
                case .failed, .late, .guide: continue
                case .answered, .asked: hopeful += 1
                case .fresh:
                    guard claimed.insert(candidates[index].contact.endpoint).inserted else { continue }
                    hopeful += 1
                    candidates[index].state = .asked
                    contacts.append(candidates[index].contact)
                    busy += 1
                    asked += 1
                }
            }
        }
        return (contacts, outSeeds)
    }

    /// Takes in an answer from `endpoint`.
    public mutating func reply(from endpoint: Endpoint, sender: NodeID, token: [UInt8]?, nodes: [NodeContact])
    {
        answered += 1
        if seeds[endpoint] != nil {
            seeds[endpoint] = .answered
            add([NodeContact(id: sender, endpoint: endpoint)], to: 0)
        }
        guard let index = index(endpoint) else { return add(nodes.prefix(2 * width)) }
        candidates[index].state = prefersEntitled && token == nil ? .guide : .answered
        candidates[index].token = token
        add(nodes.prefix(2 * width), to: candidates[index].path)
    }

    /// The soft timeout passed: others are asked meanwhile.
    public mutating func late(_ endpoint: Endpoint) {
        if seeds[endpoint] == .asked { seeds[endpoint] = .late }
        if let index = index(endpoint), candidates[index].state == .asked { candidates[index].state = .late }
    }

    /// No answer will come, or it was an error.
    public mutating func failed(_ endpoint: Endpoint, timedOut: Bool) {
        if timedOut { self.timedOut += 1 }
        if seeds[endpoint] != nil { seeds[endpoint] = .failed }
        // The dead must not hold the places of the living; they stay known, and are not asked again.
        if let index = index(endpoint) { candidates.remove(at: index) }
        // Whom one path knows under a wrong id, another may know better.
        if !timedOut { claimed.remove(endpoint) }
    }

    /// Whether one of the endpoints without a known id answered.
    public var seedAnswered: Bool { seeds.values.contains(.answered) }

    private func index(_ endpoint: Endpoint) -> Int? {
        // Others may know him, too; the path that asked is the one that he belongs to.
        candidates.firstIndex { $0.contact.endpoint == endpoint && $0.state != .fresh }
            ?? candidates.firstIndex { $0.contact.endpoint == endpoint }
    }

    /// Whether the nearest nodes are known, or nobody is left to ask.
    public var isConverged: Bool {
        if !unaskedSeeds.isEmpty && asked < budget { return false }
        if seeds.values.contains(.asked) { return false }
        var answers = 0
        for path in 0..<paths {
            var hopeful = 0
            for candidate in candidates where candidate.path == path {
                let state = candidate.state
                if state == .failed || state == .late || state == .guide { continue }
                if state == .fresh, claimed.contains(candidate.contact.endpoint) { continue }
                guard hopeful < lane else { break }
                if state == .asked || (state == .fresh && asked < budget) { return false }
                if state == .answered { answers += 1 }
                hopeful += 1
            }
        }
        // With too few answers the late ones are worth their full time.
        return answers >= min(width, lane * paths) || !hasLate
    }

    /// Whether somebody was asked whose answer is late and may still come.
    var hasLate: Bool { candidates.contains { $0.state == .late } || seeds.values.contains(.late) }

    /// Those that answered.
    var answerers: Set<Endpoint> {
        Set(candidates.lazy.filter { $0.state == .answered }.map(\.contact.endpoint))
    }

    /// The nearest nodes that answered, nearest first.
    public var nearest: [Candidate] { nearest(width) }

    /// So many of them: several paths find more than `width`.
    func nearest(_ count: Int) -> [Candidate] {
        Array(candidates.lazy.filter { $0.state == .answered }.prefix(count))
    }
}
