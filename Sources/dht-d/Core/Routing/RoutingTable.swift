// The Kademlia routing table (BEP 5): up to k nodes for every length of prefix shared with our own id.
// It must never admit a node that has not answered us, nor let one address range fill a bucket.

/// The nodes that this node can ask, by distance.
public struct RoutingTable: Sendable {
    struct Bucket: Sendable {
        var entries: [TableEntry] = []
        /// Nodes that were heard but not yet asked, newest last.
        var replacements: [NodeContact] = []
        var lastTouched: Int64 = 0
    }

    private let own: NodeID
    private let size: Int
    private let groups: AddressGroups
    /// Only as deep as anybody was heard: most of the 160 stay empty for ever.
    private var buckets: [Bucket] = []
    private var idAt: [Endpoint: NodeID] = [:]
    /// How many nodes are in the table, whatever their standing.
    public private(set) var count = 0

    /// An empty table around `own` with `size` nodes a bucket (k).
    public init(own: NodeID, size: Int = 8, groups: AddressGroups = AddressGroups()) {
        self.own = own
        self.size = size
        self.groups = groups
    }

    /// The bucket that `id` belongs to, which may not be there yet.
    private func index(_ id: NodeID) -> Int { min(own.sharedPrefix(with: id), NodeID.bitCount - 1) }

    /// The bucket that `id` belongs to, made if it was not there.
    private mutating func bucket(for id: NodeID) -> Int {
        let place = index(id)
        deepen(to: place)
        return place
    }

    private mutating func deepen(to place: Int) {
        while buckets.count <= place { buckets.append(Bucket()) }
    }

    /// The entry for `id`.
    public subscript(id: NodeID) -> TableEntry? {
        let place = index(id)
        return place < buckets.count ? buckets[place].entries.first { $0.contact.id == id } : nil
    }

    /// The entry at `endpoint`.
    public func entry(at endpoint: Endpoint) -> TableEntry? {
        idAt[endpoint].flatMap { self[$0] }
    }

    /// All entries, nearest buckets last.
    public var entries: [TableEntry] { buckets.flatMap(\.entries) }

    /// Takes in that `contact` answered a query of ours.
    ///
    /// - Returns: whether the node is new in the table.
    public mutating func answered(
        _ contact: NodeContact, roundTrip: Int64, isInfernet: Bool?, now: Int64
    ) -> Bool {
        guard contact.id != own else { return false }
        if let id = idAt[contact.endpoint], id != contact.id { remove(id) }
        let place = bucket(for: contact.id)
        buckets[place].replacements.removeAll { $0.endpoint == contact.endpoint || $0.id == contact.id }
        if let row = buckets[place].entries.firstIndex(where: { $0.contact.id == contact.id }) {
            guard buckets[place].entries[row].contact.endpoint == contact.endpoint else {
                // Same id from elsewhere: the known address keeps the place until it falls silent.
                guard buckets[place].entries[row].failures > 0 else { return false }
                remove(contact.id)
                return insert(contact, place, roundTrip, isInfernet, now)
            }
            buckets[place].entries[row].lastReply = now
            buckets[place].entries[row].failures = 0
            buckets[place].entries[row].roundTrip.learn(roundTrip)
            buckets[place].entries[row].isInfernet = isInfernet ?? buckets[place].entries[row].isInfernet
            buckets[place].lastTouched = now
            return false
        }
        return insert(contact, place, roundTrip, isInfernet, now)
    }

    private mutating func insert(
        _ contact: NodeContact, _ place: Int, _ roundTrip: Int64, _ isInfernet: Bool?, _ now: Int64
    ) -> Bool {
        guard contact.endpoint.isUsable, groups.allow(contact.endpoint, in: buckets[place].entries) else {
            return false
        }
        if buckets[place].entries.count >= size {
            guard let loser = loser(to: contact, place, now) else {
                remember(contact, place)
                return false
            }
            remove(loser)
        }
        var estimate = RoundTrip()
        estimate.learn(roundTrip)
        buckets[place].entries.append(
            TableEntry(contact, lastReply: now, roundTrip: estimate, isInfernet: isInfernet))
        buckets[place].lastTouched = now
        idAt[contact.endpoint] = contact.id
        count += 1
        return true
    }

    /// Who makes room in a full bucket: a bad node, or one whose id its address does not entitle to, for one
    /// whose does (BEP 42).
    private func loser(to contact: NodeContact, _ place: Int, _ now: Int64) -> NodeID? {
        let entries = buckets[place].entries
        if let bad = entries.first(where: { $0.standing(at: now) == .bad }) { return bad.contact.id }
        guard !contact.endpoint.isLocal, contact.id.isBound(to: contact.endpoint) else { return nil }
        return entries.last { !$0.isEntitled }?.contact.id
    }

    private mutating func remember(_ contact: NodeContact, _ place: Int) {
        buckets[place].replacements.removeAll { $0.endpoint == contact.endpoint || $0.id == contact.id }
        if buckets[place].replacements.count >= size { buckets[place].replacements.removeFirst() }
        buckets[place].replacements.append(contact)
    }

    /// Takes in that `contact` sent us a query.
    ///
    /// - Returns: whom to ping because of it: the newcomer if there is room for it, or else the node that has
    ///   been silent longest in its bucket; nil when nobody needs it.
    public mutating func heard(_ contact: NodeContact, now: Int64) -> NodeContact? {
        guard contact.id != own, contact.endpoint.isUsable else { return nil }
        let place = bucket(for: contact.id)
        if let row = buckets[place].entries.firstIndex(where: { $0.contact.id == contact.id }) {
            if buckets[place].entries[row].contact.endpoint == contact.endpoint {
                buckets[place].entries[row].lastQuery = now
                // It speaks again: perhaps it is back.
                return buckets[place].entries[row].failures > 0 ? contact : nil
            }
            // Perhaps the node moved, perhaps somebody uses its name: the old address is asked.
            return buckets[place].entries[row].contact
        }
        guard groups.allow(contact.endpoint, in: buckets[place].entries) else { return nil }
        if buckets[place].entries.count < size { return contact }
        if buckets[place].entries.contains(where: { $0.standing(at: now) == .bad }) { return contact }
        remember(contact, place)
        return buckets[place].entries.filter { $0.standing(at: now) == .questionable }
            .min { $0.lastReply < $1.lastReply }?.contact
    }

    /// Takes in that the node at `endpoint` did not answer.
    ///
    /// - Returns: a replacement to ping, when the node is bad now and somebody waits for its place.
    public mutating func silent(_ endpoint: Endpoint, now: Int64) -> NodeContact? {
        guard let id = idAt[endpoint] else { return nil }
        let place = index(id)
        guard let row = buckets[place].entries.firstIndex(where: { $0.contact.id == id }) else { return nil }
        buckets[place].entries[row].failures += 1
        guard buckets[place].entries[row].standing(at: now) == .bad else { return nil }
        if buckets[place].entries[row].failures >= TableEntry.oblivion { remove(id) }
        return buckets[place].replacements.popLast()
    }

    /// Drops a node, as when it said goodbye.
    public mutating func remove(_ id: NodeID) {
        let place = index(id)
        guard place < buckets.count,
            let row = buckets[place].entries.firstIndex(where: { $0.contact.id == id })
        else { return }
        let gone = buckets[place].entries.remove(at: row)
        idAt[gone.contact.endpoint] = nil
        count -= 1
    }

    /// The `count` nodes nearest to `target` that are not bad, nearest first; with `entitledFirst` those whose
    /// addresses entitle them to their ids before all others.
    public func closest(
        to target: NodeID, count: Int, now: Int64, entitledFirst: Bool = false
    ) -> [NodeContact] {
        var best: [(rank: Int, distance: NodeID, contact: NodeContact)] = []
        best.reserveCapacity(count + 1)
        for bucket in buckets where !bucket.entries.isEmpty {
            for entry in bucket.entries where entry.standing(at: now) != .bad {
                let distance = entry.contact.id.distance(to: target)
                let rank = entitledFirst && !entry.isEntitled ? 1 : 0
                if best.count == count, let last = best.last, (last.rank, last.distance) < (rank, distance) {
                    continue
                }
                let place = best.firstIndex { (rank, distance) < ($0.rank, $0.distance) } ?? best.count
                best.insert((rank, distance, entry.contact), at: place)
                if best.count > count { best.removeLast() }
            }
        }
        return best.map(\.contact)
    }

    /// The shared prefix lengths whose buckets are worth a refresh: touched before `before`, and not
    /// beyond the deepest bucket with a node in it.
    public func staleBuckets(before: Int64) -> [Int] {
        guard let deepest = buckets.lastIndex(where: { !$0.entries.isEmpty }) else { return [] }
        return (0...deepest).filter { buckets[$0].lastTouched < before }
    }

    /// Marks the bucket for `length` shared bits as refreshed.
    public mutating func touch(bucket length: Int, now: Int64) {
        deepen(to: length)
        buckets[length].lastTouched = now
    }

    /// The node whose standing most needs a check: questionable before bad, then silent longest.
    public func mostDoubtful(now: Int64) -> NodeContact? {
        var chosen: (rank: Int, entry: TableEntry)?
        for bucket in buckets {
            for entry in bucket.entries {
                let standing = entry.standing(at: now)
                guard standing != .good else { continue }
                let rank = standing == .bad ? 1 + entry.failures : 0
                if let best = chosen, (best.rank, best.entry.lastReply) <= (rank, entry.lastReply) {
                    continue
                }
                chosen = (rank, entry)
            }
        }
        return chosen?.entry.contact
    }

    /// Whether at least so many nodes are good; looked at so often that it must cost nothing.
    func hasGood(_ least: Int, now: Int64) -> Bool {
        var found = 0
        for bucket in buckets {
            for entry in bucket.entries where entry.standing(at: now) == .good {
                found += 1
                if found >= least { return true }
            }
        }
        return least <= 0
    }
}
