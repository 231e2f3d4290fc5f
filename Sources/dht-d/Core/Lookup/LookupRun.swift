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
        case find(OperationID, Topic, limit: Int, ProviderFilter)
        /// For something of Mainline.
        case mainline(Int)
        /// To put a card at the nearest nodes.
        case announce(Int, topic: Int)
    }

    var lookup: Lookup
    let goal: Goal
    let startedAt: Int64
    /// Orders the cards at the storing nodes, another way for every search.
    let seed: Int64
    /// The newest card of each provider so far; sorted before it leaves.
    var found: [PublicKey: CardRecord] = [:]
    /// The foremost place that a holder gave the card of each provider. Holders know how to deal with crowds.
    var places: [PublicKey: Int] = [:]
    var seen: Set<CardRecord> = []
    var report = FindReport()
    var pagesOpen = 0

    /// So many of the cards found: those that a holder put foremost, and of these the newest, the newest first.
    func best(_ limit: Int) -> [SignedEvent] {
        let ordered = found.values.map { (place: places[$0.event.pubkey] ?? Int.max, event: $0.event) }
            .sorted { $0.place != $1.place ? $0.place < $1.place : $0.event.isNewer(than: $1.event) }
        return ordered.prefix(limit).map(\.event).sorted { $0.isNewer(than: $1) }
    }

    /// Enough cards from more than one node: further ones would only cost time.
    var hasEnough: Bool {
        guard case .find(_, _, let limit, _) = goal else { return false }
        return found.count >= limit && report.holders >= 2
    }

    /// A search that found nothing gives the late ones their full time: one of them may have what all others lack.
    private var mayStillFind: Bool {
        guard case .find = goal else { return false }
        return found.isEmpty && lookup.hasLate
    }

    var isDone: Bool { hasEnough || (lookup.isConverged && pagesOpen == 0 && !mayStillFind) }
}
