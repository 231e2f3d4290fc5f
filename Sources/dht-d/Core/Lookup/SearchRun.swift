// One search for cards: a lookup in each network that the node lives in, and what they found together.
// It must never count a provider twice whose card lies in both networks, nor wait for one when the other had enough.

import NodeModel

/// A search under way.
struct SearchRun: Sendable {
    let limit: Int
    var lookupsOpen: Int
    private(set) var report = FindReport()

    init(limit: Int, lookupsOpen: Int) {
        self.limit = limit
        self.lookupsOpen = lookupsOpen
    }

    /// Takes what one of the lookups brought.
    mutating func take(_ other: FindReport) {
        lookupsOpen -= 1
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
    var isDone: Bool { lookupsOpen <= 0 || (report.cards.count >= limit && report.holders >= 2) }
}

extension DHTNode {
    /// The lookup of a search in one network has ended.
    mutating func endSearch(_ operation: OperationID, _ report: FindReport) {
        guard var search = searches[operation] else { return }
        search.take(report)
        searches[operation] = search
        guard search.isDone else { return }
        searches[operation] = nil
        if search.lookupsOpen > 0 {
            for (key, run) in lookups {
                if case .find(operation, _, _, _) = run.goal { lookups[key] = nil }
            }
        }
        actions.append(.found(operation, search.report))
    }
}
