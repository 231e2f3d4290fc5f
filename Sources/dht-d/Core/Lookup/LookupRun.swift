// A lookup together with what it is for and what it has gathered.
// It must never outlive its deadline: the node ends it then with what there is.

import NodeModel

/// One running lookup of a node.
struct LookupRun: Sendable {
    /// What the nearest nodes or their cards are wanted for.
    enum Goal: Sendable {
        /// To fill the table. `first`: the lookup of our own id by which a node joins.
        case fill(first: Bool)
        /// To answer somebody's search.
        case find(OperationID, Shelf, limit: Int, ProviderFilter)
        /// For something of Mainline.
        case mainline(Int)
        /// For evidence on a provider.
        case evidence(Int)
        /// To put a card at the nearest nodes, on one of its shelves.
        case announce(Int, shelf: Int)
    }

    var lookup: Lookup
    let goal: Goal
    var startedAt: Int64
    /// Orders the cards at the storing nodes, another way for every search.
    let seed: Int64
    /// When the shelf is crowded, the search goes on in so many of its parts.
    var shards = 1
    /// The newest card of each provider so far; sorted before it leaves.
    var found: [PublicKey: CardRecord] = [:]
    /// The foremost place that a holder gave the card of each provider. Holders know how to deal with crowds.
    var places: [PublicKey: Int] = [:]
    var seen: Set<CardRecord> = []
    var report = FindReport()
    var pages = PagePlan()
    /// Nodes that said that more cards lie here than they like to keep.
    var crowdedBy = 0
    /// Nothing was found before, so that these are asked who did not answer then.
    var isDoubt = false
    /// A deeper shelf gave too few: crowded or not, this one is to fill the result up.
    var isClimbing = false
    /// What was found on shelves before; it fills the result up.
    var spare: [PublicKey: CardRecord] = [:]

    /// Whether the cards are better looked for, and put, one bit deeper. One voice is not enough to send us there, unless
    /// hardly anybody spoke.
    var isCrowded: Bool {
        if isClimbing { return false }
        let depth: Int
        switch goal {
        case .find(_, let shelf, _, _): depth = shelf.depth
        case .announce: depth = 0
        case .fill, .mainline, .evidence: return false
        }
        return depth < Shelf.deepest && crowdedBy >= min(2, max(1, lookup.answered))
    }

    /// So many of the cards found: those that a holder put foremost, and of these the newest, the newest first. What is
    /// missing is taken from other shelves.
    func best(_ limit: Int) -> [SignedEvent] {
        func pick(_ cards: [PublicKey: CardRecord], _ count: Int) -> [SignedEvent] {
            let ordered = cards.values.map { (place: places[$0.event.pubkey] ?? Int.max, event: $0.event) }
                .sorted { $0.place != $1.place ? $0.place < $1.place : $0.event.isNewer(than: $1.event) }
            return ordered.prefix(count).map(\.event).sorted { $0.isNewer(than: $1) }
        }
        let best = pick(found, limit)
        return best + pick(spare.filter { found[$0.key] == nil }, limit - best.count)
    }

    /// Enough cards from more than one node: further ones would only cost time.
    var hasEnough: Bool {
        guard case .find(_, _, let limit, _) = goal else { return false }
        // Two who hold the cards would also both have said that the shelf is crowded.
        return found.count >= limit && report.holders >= 2
    }

    /// A search that found nothing gives the late ones their full time: one of them may have what all others lack.
    private var mayStillFind: Bool {
        guard case .find = goal else { return false }
        return found.isEmpty && lookup.hasLate
    }

    private var goesDeeper: Bool {
        guard case .find = goal else { return false }
        return isCrowded && crowdedBy >= 2
    }

    /// The next page to ask for; none before the nearest nodes are known, as each brings a card with the way.
    mutating func nextPage() -> PagePlan.Page? {
        guard case .find(_, let shelf, let limit, _) = goal, lookup.isConverged, !isCrowded else {
            return nil
        }
        // Who climbs brings cards of other shelves along.
        let known = isClimbing ? found.keys.count { shelf.holds($0) } : found.count
        return pages.next(known: known, missing: limit - found.count, most: limit)
    }

    private var wantsPage: Bool {
        var probe = self
        return probe.nextPage() != nil
    }

    var isDone: Bool {
        if goesDeeper || hasEnough { return true }
        return lookup.isConverged && pages.open == 0 && !mayStillFind && !wantsPage
    }

    /// What this run did, what it went on from included.
    var total: FindReport {
        var total = report
        total.asked += lookup.asked
        total.answered += lookup.answered
        total.timedOut += lookup.timedOut
        return total
    }
}
