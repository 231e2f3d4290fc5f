// Whom to ask for which further cards, when a search wants more than came along with the way.
// It must never let one holder fill the result while others answer, nor ask for more pages than cards are wanted.

/// The pages of one lookup. All are of one order, and its places are dealt out among the holders.
struct PagePlan: Sendable {
    /// A node that said how many cards lie there.
    private struct Holder: Sendable {
        let contact: NodeContact
        let token: [UInt8]
        let matches: Int
        var asked: Set<Int> = []
        /// Places of those from which nothing has come: another holder, who is asked then, may have other cards there.
        var unheard: Set<Int> = []
        var open = 0
        /// Pages in a row that brought nothing new, and that did not come.
        var repeats = 0
        var misses = 0
        /// It gave a card that counts.
        var gave: Bool

        func has(told offset: Int) -> Bool { asked.contains(offset) && !unheard.contains(offset) }

        var isWorthAsking: Bool { repeats < PagePlan.patience && misses < PagePlan.patience }
    }

    /// A question for the cards from a place on.
    struct Page: Sendable {
        let contact: NodeContact
        let token: [UInt8]
        let offset: Int
        fileprivate let holder: Int
        fileprivate let number: Int
    }

    /// What came with a page: cards that are good, and those of them that were not known.
    struct Yield: Sendable {
        var good = 0
        var new = 0
    }

    /// Pages that are open at a time, and at one holder.
    private static let atOnce = (all: 8, each: 3)
    /// As many cards of usual size as a packet holds.
    private static let width = 2
    /// A holder that brings nothing new, or nothing, so often in a row is left alone.
    private static let patience = 2

    private var holders: [Holder] = []
    private(set) var asked = 0
    /// Pages that are waited for.
    private(set) var open = 0
    /// Those that are late: they are taken when they come.
    private var late: Set<Int> = []
    /// The first place that is asked for: what came with the way was the first of all.
    private var start = 0
    private var cursor = 0
    /// Cards that were known when it was last asked what to do.
    private var known = 0
    /// Places that were asked for, and did not come.
    private var holes: [Int] = []
    /// All places have been dealt out. Holders do not have quite the same cards, so that some fell between two of them:
    /// now one holder, the one that has most, is asked for all it has.
    private var isSecondRound = false

    /// A node told how many cards lie there. `gave`: one came along that counts.
    mutating func met(_ contact: NodeContact, token: [UInt8], matches: Int, gave: Bool) {
        guard !holders.contains(where: { $0.contact.endpoint == contact.endpoint }) else { return }
        holders.append(Holder(contact: contact, token: token, matches: matches, gave: gave))
        if gave, asked == 0 { (start, cursor) = (1, 1) }
    }

    /// What to ask next; nil for nothing now.
    /// - Parameters:
    ///   - known: cards of this shelf that are known.
    ///   - missing: how many more are wanted.
    ///   - most: pages in all, those that were asked included.
    mutating func next(known: Int, missing: Int, most: Int) -> Page? {
        self.known = known
        guard missing > 0, open < Self.atOnce.all, asked < most else { return nil }
        let numbers = holders.lazy.filter(\.isWorthAsking).map(\.matches)
        guard let there = numbers.max(), let least = numbers.min() else { return nil }
        // Where all have as many, and so many are known, they have the same.
        let left = max(there - known, there > least ? 1 : 0)
        // What is known comes again: that much less is to be expected of each page that is open.
        guard left > 0, open * Self.width * left < min(missing, left) * there else { return nil }
        while true {
            let isHole = !holes.isEmpty
            let offset = holes.last ?? cursor
            switch whom(offset, again: isHole) {
            case .wait: return nil
            case .done: cursor += Self.width
            case .nobody where isHole: holes.removeLast()
            case .nobody:
                // Those that are open may still bring all.
                guard !isSecondRound, open == 0 else { return nil }
                (isSecondRound, cursor) = (true, start)
            case .holder(let chosen):
                if isHole { holes.removeLast() } else { cursor += Self.width }
                holders[chosen].asked.insert(offset)
                holders[chosen].open += 1
                (asked, open) = (asked + 1, open + 1)
                return Page(
                    contact: holders[chosen].contact, token: holders[chosen].token, offset: offset,
                    holder: chosen, number: asked)
            }
        }
    }

    private enum Choice { case holder(Int), wait, done, nobody }

    /// Whom to ask for the cards from `offset` on: of those that have so many the one that was asked least.
    private func whom(_ offset: Int, again: Bool) -> Choice {
        var able = holders.indices.filter { holders[$0].isWorthAsking && holders[$0].matches > offset }
        if isSecondRound {
            able = able.max { holders[$0].matches < holders[$1].matches }.map { [$0] } ?? []
            if let only = able.first, !again, holders[only].has(told: offset) { return .done }
        }
        if able.isEmpty { return .nobody }
        let free = able.filter { holders[$0].open < Self.atOnce.each }
        return free.min { holders[$0].asked.count < holders[$1].asked.count }.map { .holder($0) } ?? .wait
    }

    /// A page came. Returns whether it is the first of its holder that brought a card which counts.
    mutating func came(_ page: Page, _ yield: Yield) -> Bool {
        let wasLate = late.remove(page.number) != nil
        if !wasLate { close(page) }
        holders[page.holder].unheard.remove(page.offset)
        holders[page.holder].misses = yield.good == 0 ? Self.patience : 0
        let first = !holders[page.holder].gave && yield.good > 0
        if first { holders[page.holder].gave = true }
        if yield.new > 0 {
            holders[page.holder].repeats = 0
        } else if !isSecondRound, 2 * known < holders[page.holder].matches {
            // Where most is known, an honest one has nothing new for many a page.
            holders[page.holder].repeats += 1
        }
        if !wasLate, yield.good < Self.width { holes.append(page.offset + yield.good) }
        return first
    }

    /// A page is late: others are asked for the same.
    mutating func isLate(_ page: Page) {
        guard late.insert(page.number).inserted else { return }
        miss(page)
    }

    /// A page will not come.
    mutating func lost(_ page: Page) {
        if late.remove(page.number) == nil { miss(page) }
    }

    private mutating func miss(_ page: Page) {
        close(page)
        holders[page.holder].unheard.insert(page.offset)
        holders[page.holder].misses += 1
        holes.append(page.offset)
    }

    private mutating func close(_ page: Page) {
        open -= 1
        holders[page.holder].open -= 1
    }
}
