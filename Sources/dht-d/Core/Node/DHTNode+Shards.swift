// How a search goes on: in the shards of a topic that has more providers than a node keeps, and with other nodes when
// the first knew nothing.
// It must never end later than the search was to end, nor go down again once it went up.

import NodeModel

extension DHTNode {
    /// Where to begin a search: as deep as the topic was last time, in so many shards far from each other, or in all that
    /// there are.
    mutating func shelves(for topic: Topic, _ parts: Int) -> [Shelf] {
        let depth = shardDepths[topic] ?? 0
        let count = min(parts, 1 << depth)
        let first = depth == 0 ? 0 : Int(random.next() >> (64 - UInt64(Shelf.deepest)))
        return (0..<count).map { Shelf(topic, depth: depth, number: first + ($0 << depth) / count) }
    }

    /// Goes on with a search of which a lookup ended: deeper when the shelf was crowded, in one half or in both; when all of
    /// its lookups have ended, one bit up if they gave too few. What is not crowded has no shards, so an empty one says
    /// nothing of the topic.
    mutating func goOn(_ run: LookupRun, _ now: Moment) {
        guard case .find(let operation, let shelf, let limit, let filter) = run.goal else { return }
        let isInTime = now.milliseconds < run.startedAt + configuration.lookupDeadline
        if isInTime, run.isCrowded {
            let first = Int(random.next() >> 63)
            let halves = (run.shards > 1 ? [first, 1 - first] : [first]).map { Shelf(half: $0, of: shelf) }
            searches[operation]?.parted(run.lookup.family, into: halves.count)
            let share = SearchRun.share(limit, of: halves.count)
            let keys = halves.enumerated().map { place, half in
                let goal = LookupRun.Goal.find(operation, half, limit: share, filter)
                let key = follow(run, goal, isOnlyHeir: place == 0, now)
                lookups[key]?.shards = max(1, run.shards / halves.count)
                return key
            }
            for key in keys { advance(key, now) }
            return
        }
        guard let limit = searches[operation]?.limit,
            let run = searches[operation]?.ended(run, depth: shelf.depth),
            case .find(_, let shelf, _, _) = run.goal
        else { return }
        if isInTime {
            if let above = shelf.above, run.found.count < limit {
                let key = follow(run, .find(operation, above, limit: limit, filter), now)
                lookups[key]?.isClimbing = true
                return advance(key, now)
            }
            if run.found.isEmpty, run.spare.isEmpty, !run.isDoubt, run.lookup.answered > 0 {
                // That there is nothing is believed when two sets of nodes say so: liars name only each other.
                let key = follow(
                    run, .find(operation, shelf, limit: limit, filter), avoiding: run.lookup.answerers, now)
                lookups[key]?.isDoubt = true
                return advance(key, now)
            }
            shardDepths.remember(searches[operation]?.depth ?? 0, of: shelf.topic)
        }
        var report = run.total
        report.milliseconds = now.milliseconds - run.startedAt
        report.cards = run.best(limit)
        endSearch(operation, report)
    }

    /// Starts the lookup that goes on from another one; `isOnlyHeir`: nobody else reports what that one did.
    private mutating func follow(
        _ run: LookupRun, _ goal: LookupRun.Goal, avoiding: Set<Endpoint> = [], isOnlyHeir: Bool = true,
        _ now: Moment
    ) -> Int {
        guard case .find(_, let shelf, _, _) = goal else { return 0 }
        let key = startLookup(shelf.key, goal, run.lookup.family, avoiding: avoiding, now)
        lookups[key]?.take(over: run, reports: isOnlyHeir)
        timers.add(.lookupDeadline(key), at: run.startedAt + configuration.lookupDeadline)
        return key
    }
}

extension [Topic: Int] {
    /// Keeps in mind how deep a topic is, so that the next search begins there.
    fileprivate mutating func remember(_ depth: Int, of topic: Topic) {
        if count >= 256, self[topic] == nil { self = [:] }
        self[topic] = depth > 0 ? depth : nil
    }
}

extension Shelf {
    /// The shelf that this one is a half of; nil for the whole topic.
    fileprivate var above: Shelf? { bits.isEmpty ? nil : Shelf(topic, bits: String(bits.dropLast())) }

    /// One of the two halves of a shelf.
    fileprivate init(half: Int, of shelf: Shelf) {
        self.init(shelf.topic, bits: shelf.bits + (half == 0 ? "0" : "1"))
    }
}

extension LookupRun {
    /// Goes on with the search of another run.
    fileprivate mutating func take(over run: LookupRun, reports: Bool) {
        guard case .find(_, let shelf, _, _) = goal else { return }
        startedAt = run.startedAt
        if reports { report = run.total }
        report.holders = 0
        seen = run.seen
        isDoubt = run.isDoubt
        isClimbing = run.isClimbing
        // On a crowded shelf lay a chance selection; what lies on a shelf belongs to the one above it, too.
        spare = run.spare.merging(run.found) { _, newer in newer }
        if run.isCrowded {
            found = spare.filter { shelf.holds($0.key) }
        } else {
            found = run.found
            places = run.places
        }
    }

    /// Takes what another lookup of the same search in the same network brought, from another shelf.
    mutating func absorb(_ other: LookupRun) {
        report.add(other.total)
        seen.formUnion(other.seen)
        found.merge(other.found) { $1.event.isNewer(than: $0.event) ? $1 : $0 }
        places.merge(other.places) { min($0, $1) }
        spare.merge(other.spare) { $1.event.isNewer(than: $0.event) ? $1 : $0 }
        isDoubt = isDoubt || other.isDoubt
        isClimbing = isClimbing || other.isClimbing
    }
}

extension FindReport {
    /// Adds what was done on another shelf.
    fileprivate mutating func add(_ other: FindReport) {
        asked += other.asked
        pages += other.pages
        answered += other.answered
        timedOut += other.timedOut
        holders += other.holders
        refused.merge(other.refused, uniquingKeysWith: +)
        unwanted.merge(other.unwanted, uniquingKeysWith: +)
    }
}
