// How a search goes on: in the shards of a topic that has more providers than a node keeps, and with other nodes when
// the first knew nothing.
// It must never end later than the search was to end, nor go down again once it went up.

import NodeModel

extension DHTNode {
    /// Where to begin a search: as deep as the topic was last time.
    mutating func shelf(for topic: Topic) -> Shelf {
        Shelf(topic, depth: shardDepths[topic] ?? 0, using: &random)
    }

    /// Goes on with a search that ended: deeper when the shelf was crowded, one bit up when it gave too few. What is not
    /// crowded has no shards, so an empty one says nothing of the topic.
    ///
    /// - Returns: whether the search goes on.
    mutating func continueSearch(_ run: LookupRun, _ now: Moment) -> Bool {
        guard case .find(let operation, let shelf, let limit, let filter) = run.goal else { return false }
        let endsAt = run.startedAt + configuration.lookupDeadline
        guard now.milliseconds < endsAt else { return false }
        let next: Shelf
        var avoiding: Set<Endpoint> = []
        if run.isCrowded {
            next = Shelf(topic: shelf.topic, below: shelf, using: &random)
        } else if let above = shelf.above, run.found.count < limit {
            next = above
        } else if run.found.isEmpty, run.spare.isEmpty, !run.isDoubt, run.lookup.answered > 0 {
            // That there is nothing is believed when two sets of nodes say so: liars name only each other.
            next = shelf
            avoiding = run.lookup.answerers
        } else {
            shardDepths.remember(shelf.depth, of: shelf.topic)
            return false
        }
        let key = startLookup(
            next.key, .find(operation, next, limit: limit, filter), run.lookup.family, avoiding: avoiding, now
        )
        lookups[key]?.take(over: run)
        lookups[key]?.isDoubt = run.isDoubt || !avoiding.isEmpty
        lookups[key]?.isClimbing = run.isClimbing || next.depth < shelf.depth
        timers.add(.lookupDeadline(key), at: endsAt)
        advance(key, now)
        return true
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
    fileprivate init(topic: Topic, below shelf: Shelf, using random: inout some RandomNumberGenerator) {
        self.init(topic, bits: shelf.bits + (random.next() >> 63 == 0 ? "0" : "1"))
    }
}

extension LookupRun {
    /// Goes on with the search of another run.
    fileprivate mutating func take(over run: LookupRun) {
        guard case .find(_, let shelf, _, _) = goal else { return }
        startedAt = run.startedAt
        report = run.report
        report.asked += run.lookup.asked
        report.answered += run.lookup.answered
        report.timedOut += run.lookup.timedOut
        report.holders = 0
        seen = run.seen
        // On a crowded shelf lay a chance selection; what lies on a shelf belongs to the one above it, too.
        spare = run.spare.merging(run.found) { _, newer in newer }
        if run.isCrowded {
            found = spare.filter { shelf.holds($0.key) }
        } else {
            found = run.found
            places = run.places
        }
    }
}
