// One search for cards: lookups in each network that the node lives in, in some shards of a crowded topic, and what they
// found together. It must never count a provider twice whose card lies in both networks, nor wait for one network when the
// other had enough.

import NodeModel

/// A search under way.
struct SearchRun: Sendable {
    let limit: Int
    private(set) var networksOpen: Int
    /// Lookups under way in each network, and those that have ended while others of the same one go on.
    private var open: [AddressFamily: Int] = [:]
    private var ended: [AddressFamily: [LookupRun]] = [:]
    /// How deep the topic is: the least deep shelf on which a lookup did not have to go deeper.
    private(set) var depth = Shelf.deepest
    private(set) var report = FindReport()

    init(limit: Int, families: [AddressFamily], shelves: Int) {
        self.limit = limit
        networksOpen = families.count
        for family in families { open[family] = shelves }
    }

    /// In so many shards of a crowded topic cards are looked for: who lies around one of them hides, or puts up, no more than
    /// his share. Eight come with the way, so that fewer than that in each would only cost questions.
    static func shards(_ limit: Int) -> Int { limit < 16 ? 1 : limit < 32 ? 2 : 4 }

    /// What each of some parts has to bring.
    static func share(_ limit: Int, of parts: Int) -> Int { (limit + parts - 1) / parts }

    /// A lookup parts into several.
    mutating func parted(_ family: AddressFamily, into count: Int) { open[family, default: 0] += count - 1 }

    /// A lookup has ended. When it was the last in its network, returns what all brought there together, as of the one that
    /// brought least: there the search goes on, if it does.
    mutating func ended(_ run: LookupRun, depth: Int) -> LookupRun? {
        let family = run.lookup.family
        self.depth = min(self.depth, depth)
        ended[family, default: []].append(run)
        open[family, default: 1] -= 1
        guard open[family] == 0, let all = ended.removeValue(forKey: family) else { return nil }
        open[family] = 1
        let rising = all.sorted { $0.found.count < $1.found.count }
        return rising.dropFirst().reduce(into: rising[0]) { $0.absorb($1) }
    }

    /// Takes what one of the networks brought.
    mutating func take(_ other: FindReport) {
        networksOpen -= 1
        report.asked += other.asked
        report.pages += other.pages
        report.answered += other.answered
        report.timedOut += other.timedOut
        report.holders += other.holders
        report.refused.merge(other.refused, uniquingKeysWith: +)
        // The same cards may lie in both networks: the larger number is the nearer to the truth.
        report.unwanted.merge(other.unwanted) { max($0, $1) }
        report.milliseconds = max(report.milliseconds, other.milliseconds)
        guard !report.cards.isEmpty else {
            report.cards = other.cards
            return
        }
        var newest: [PublicKey: SignedEvent] = [:]
        var order: [PublicKey] = []
        // In turns, so that neither network's own shuts the other's out.
        for place in 0..<max(report.cards.count, other.cards.count) {
            for cards in [report.cards, other.cards] where place < cards.count {
                let card = cards[place]
                if let known = newest[card.pubkey] {
                    if card.isNewer(than: known) { newest[card.pubkey] = card }
                } else {
                    newest[card.pubkey] = card
                    order.append(card.pubkey)
                }
            }
        }
        report.cards = order.prefix(limit).compactMap { newest[$0] }.sorted { $0.isNewer(than: $1) }
    }

    /// Nothing is open any more, or as many as were wanted are known from more than one node.
    var isDone: Bool { networksOpen <= 0 || (report.cards.count >= limit && report.holders >= 2) }
}

extension DHTNode {
    /// A search has ended in one network.
    mutating func endSearch(_ operation: OperationID, _ report: FindReport) {
        guard var search = searches[operation] else { return }
        search.take(report)
        searches[operation] = search
        guard search.isDone else { return }
        searches[operation] = nil
        if search.networksOpen > 0 {
            for (key, run) in lookups {
                if case .find(operation, _, _, _) = run.goal { lookups[key] = nil }
            }
        }
        actions.append(.found(operation, search.report))
    }
}
