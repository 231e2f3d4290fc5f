// The cards under one target: found by their authors, and put in order, without touching all of them.
// It must never hold two cards of one author, nor judge one: that is the store's.

import NodeModel

/// Cards in no order that means anything, one for each author.
struct CardPile: Sendable {
    /// What is looked at for every card of a crowd, apart from the card, so that it lies together.
    struct Mark: Sendable {
        /// The first eight bytes of the author's key.
        let author: UInt64
        /// Unix seconds.
        let expires: Int64
        let createdAt: Int64
        /// The address range that it came from; 0, which is none, for our own.
        let range: UInt64
        /// The /64 of IPv6 inside it; 0 for others.
        let home: UInt64
        let work: Int32
        /// The range's number here.
        fileprivate(set) var number: Int32

        var isOwn: Bool { range == 0 }
    }

    private(set) var cards: [CardStore.Stored] = []
    private(set) var marks: [Mark] = []
    /// Where the card of an author lies.
    private var places: [PublicKey: Int] = [:]
    private var numbers: [UInt64: Int32] = [:]

    var count: Int { cards.count }

    func place(of author: PublicKey) -> Int? { places[author] }

    /// Puts a card in the place of its author's last one, else in that of another that has to go, else beside all.
    mutating func put(_ card: CardStore.Stored, insteadOf victim: Int?) {
        let author = card.card.event.pubkey
        if let place = places[author] ?? victim {
            places[cards[place].card.event.pubkey] = nil
            places[author] = place
            cards[place] = card
            marks[place] = mark(card)
            if numbers.count > 2 * marks.count + 64 { renumber() }
        } else {
            places[author] = cards.count
            cards.append(card)
            marks.append(mark(card))
        }
    }

    mutating func filter(_ keep: (CardStore.Stored) -> Bool) {
        guard !cards.allSatisfy(keep) else { return }
        let kept = cards.filter(keep)
        self = CardPile()
        for card in kept { put(card, insteadOf: nil) }
    }

    private mutating func mark(_ stored: CardStore.Stored) -> Mark {
        let event = stored.card.event
        let range = stored.source?.group ?? 0
        let number = numbers[range] ?? Int32(numbers.count)
        numbers[range] = number
        return Mark(
            author: event.pubkey.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, expires: stored.expires,
            createdAt: event.createdAt, range: range, home: stored.source?.home ?? 0,
            work: Int32(stored.work),
            number: number)
    }

    /// Ranges that have gone left their numbers behind.
    private mutating func renumber() {
        numbers = [:]
        for place in marks.indices {
            let range = marks[place].range
            marks[place].number = numbers[range] ?? Int32(numbers.count)
            numbers[range] = marks[place].number
        }
    }

    /// The given places, so that the first of every range comes before the second of any, and so on; within a turn the
    /// order stays.
    func inTurns(_ ordered: [Int]) -> [Int] {
        var passed = [Int](repeating: 0, count: numbers.count)
        var starts: [Int] = []
        let turns = ordered.map { place -> Int in
            let number = Int(marks[place].number)
            let turn = passed[number]
            passed[number] += 1
            if turn == starts.count { starts.append(0) }
            starts[turn] += 1
            return turn
        }
        var sum = 0
        for turn in starts.indices { (starts[turn], sum) = (sum, sum + starts[turn]) }
        var out = ordered
        for (place, turn) in zip(ordered, turns) {
            out[starts[turn]] = place
            starts[turn] += 1
        }
        return out
    }

    /// How many cards of each range lie here, by the range's number.
    func crowds() -> [Int] {
        var out = [Int](repeating: 0, count: numbers.count)
        for mark in marks { out[Int(mark.number)] += 1 }
        return out
    }

    /// How many cards of the address range of `source`, and of its /64, have not expired.
    func living(beside source: Endpoint, unixNow: Int64) -> (range: Int, home: Int) {
        let (range, home) = (source.group, source.home)
        var same = (range: 0, home: 0)
        for mark in marks where mark.range == range && mark.expires > unixNow {
            same.range += 1
            if mark.home == home { same.home += 1 }
        }
        return same
    }

    func living(unixNow: Int64) -> Int { marks.count { $0.expires > unixNow } }
}
