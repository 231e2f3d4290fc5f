// The cards that this node keeps for the network: per target, newest per author, until they expire.
// It must never store a card whose signature was not verified, return an expired one, or grow past its limits.

public import NodeModel

/// Signed cards by target.
public struct CardStore: Sendable {
    /// A card that passed every check.
    public struct Stored: Sendable {
        /// The card.
        public let card: CardRecord
        /// Unix seconds.
        public let expires: Int64
        /// Who put it here; nil for our own.
        public let source: Endpoint?
        /// Monotonic milliseconds.
        let storedAt: Int64
        /// Leading zero bits of the id (NIP-13).
        let work: Int
        /// What filters look at.
        let facts: CardFacts?
    }

    /// How much is kept.
    public struct Limits: Hashable, Sendable {
        /// Most cards under one target.
        public var perTarget = 512
        /// With more cards under one target it is crowded, and its shards are better.
        public var crowd = 256
        /// Most cards in all.
        public var total = 16_384
        /// Least time between two cards of one author under one target, in milliseconds.
        public var interval: Int64 = 30_000
        /// How many authors of one address range count.
        public var groups = AddressGroups()

        /// The default limits.
        public init() {}
    }

    private let limits: Limits
    private let rules: CardRules
    private var targets: [NodeID: CardPile] = [:]
    private var sources = CardSources()
    /// How many cards of others came from each address range.
    private var held: [UInt64: Int] = [:]
    /// How many cards are stored, expired ones included until the next sweep.
    public private(set) var count = 0
    /// How many targets hold a card.
    public var targetCount: Int { targets.count }

    /// An empty store.
    public init(limits: Limits = Limits(), rules: CardRules = CardRules()) {
        self.limits = limits
        self.rules = rules
    }

    /// Whether the very same bytes lie there and still count; then there is nothing to check, and `source` was heard.
    ///
    /// What is put again every few minutes is put this way, and costs no signature.
    public mutating func hasAlready(
        _ bytes: [UInt8], by author: PublicKey, under target: NodeID, from source: Endpoint, now: Moment
    ) -> Bool {
        guard let pile = targets[target], let place = pile.place(of: author) else { return false }
        guard pile.cards[place].expires > now.unixSeconds, pile.cards[place].card.encoded == bytes else {
            return false
        }
        sources.heard(source, now: now.milliseconds)
        return true
    }

    /// Stores a card that `source` put under `target`, a shard of `depth` bits; the token has been checked before.
    ///
    /// The checks run from cheap to dear; `verify` (the signature) runs last and only if all else holds.
    /// - Throws: the error to answer with.
    public mutating func put(
        _ card: CardRecord, under target: NodeID, depth: Int = 0, from source: Endpoint, now: Moment,
        verify: (CardRecord) -> Bool
    ) throws(KRPCError) {
        let (expires, topic) = try rules.check(card, under: target, depth: depth, unixNow: now.unixSeconds)
        let work = card.work
        let victim = try place(for: card, work, under: target, from: source, now)
        guard verify(card) else { throw .forged }
        let stored = Stored(
            card: card, expires: expires, source: source, storedAt: now.milliseconds, work: work,
            facts: CardFacts(card.event, topic: topic))
        let isNew = victim == nil && targets[target]?.place(of: card.event.pubkey) == nil
        if isNew, count >= limits.total { dropOldest(of: largest?.range) }
        add(stored, under: target, insteadOf: victim)
        sources.heard(source, now: now.milliseconds)
    }

    private mutating func add(_ stored: Stored, under target: NodeID, insteadOf victim: Int?) {
        if let pile = targets[target], let place = pile.place(of: stored.card.event.pubkey) ?? victim {
            release(pile.cards[place])
        }
        // In its place: a copy of a crowded pile would cost as much as the signature.
        let before = targets[target]?.count ?? 0
        targets[target, default: CardPile()].put(stored, insteadOf: victim)
        count += (targets[target]?.count ?? 0) - before
        if let source = stored.source { held[source.group, default: 0] += 1 }
    }

    private mutating func release(_ stored: Stored) {
        guard let range = stored.source?.group, let before = held[range] else { return }
        held[range] = before > 1 ? before - 1 : nil
    }

    /// The range that holds most places of this store.
    private var largest: (range: UInt64, count: Int)? {
        held.max { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
    }

    /// Whether one more card from there finds a place. When all are taken, the range that has most of them gives one up to a
    /// range that has fewer: whoever fills a store from one range does not shut it.
    private func hasRoom(for source: Endpoint) -> Bool {
        guard count >= limits.total else { return true }
        return (held[source.group] ?? 0) + 1 < largest?.count ?? 0
    }

    /// Lets the card go that lies here longest of those that came from this range.
    private mutating func dropOldest(of range: UInt64?) {
        var oldest: (target: NodeID, author: PublicKey, at: Int64)?
        for (target, pile) in targets {
            for (place, mark) in pile.marks.enumerated() where !mark.isOwn && mark.range == range {
                let at = pile.cards[place].storedAt
                if oldest.map({ (at, target) < ($0.at, $0.target) }) ?? true {
                    oldest = (target, pile.cards[place].card.event.pubkey, at)
                }
            }
        }
        guard let oldest, var pile = targets[oldest.target], let place = pile.place(of: oldest.author) else {
            return
        }
        release(pile.cards[place])
        pile.filter { $0.card.event.pubkey != oldest.author }
        targets[oldest.target] = pile.count == 0 ? nil : pile
        count -= 1
    }

    /// Whether there is room for a card: in its author's place, beside all, or (the result) in that of another.
    private func place(
        for card: CardRecord, _ work: Int, under target: NodeID, from source: Endpoint, _ now: Moment
    ) throws(KRPCError) -> Int? {
        guard let pile = targets[target] else {
            guard hasRoom(for: source) else { throw .targetFull }
            return nil
        }
        if let known = pile.place(of: card.event.pubkey) {
            let old = pile.cards[known]
            guard card.event.isNewer(than: old.card.event) else { throw .older }
            guard now.milliseconds - old.storedAt >= limits.interval else { throw .tooOften }
            return nil
        }
        let same = pile.living(beside: source, unixNow: now.unixSeconds)
        guard limits.groups.allow(source, beside: same) else { throw .groupFull }
        if pile.count >= limits.perTarget {
            return try Self.victim(of: card, work, from: source, in: pile, now: now.unixSeconds)
        }
        guard hasRoom(for: source) else { throw .targetFull }
        return nil
    }

    /// A source to ask whether it is still there, if one was not heard since `before`.
    public mutating func doubtfulSource(before: Int64, now: Int64) -> Endpoint? {
        sources.doubtful(before: before, now: now)
    }

    /// Takes in that a node was heard, which may have put cards here.
    public mutating func heard(_ source: Endpoint, now: Int64) { sources.heardAgain(source, now: now) }

    /// Takes in that a node did not answer: its cards are not handed out until it is heard, and whoever is silent twice
    /// loses them.
    public mutating func silent(_ source: Endpoint) {
        if sources.silent(source) { dropCards(from: source) }
    }

    /// The card that loses its place to `card`: an expired one; else, of the address range that holds most here, the
    /// one with the least work, then the oldest. Who comes from a range that holds fewer need not outdo it, so that
    /// nobody can drive all others out from a few ranges. Never one of our own.
    private static func victim(
        of card: CardRecord, _ work: Int, from source: Endpoint, in pile: CardPile, now: Int64
    ) throws(KRPCError) -> Int {
        let crowds = pile.crowds()
        var chosen: (place: Int, rank: (Int, Int, Int64))?
        for (place, mark) in pile.marks.enumerated() where !mark.isOwn {
            if mark.expires <= now { return place }
            let rank = (-crowds[Int(mark.number)], Int(mark.work), mark.createdAt)
            if chosen.map({ rank < $0.rank }) ?? true { chosen = (place, rank) }
        }
        guard let (place, rank) = chosen else { throw .targetFull }
        let own = pile.marks.first { $0.range == source.group }.map { crowds[Int($0.number)] } ?? 0
        guard own + 1 < -rank.0 || (work, card.event.createdAt) > (rank.1, rank.2) else { throw .targetFull }
        return place
    }

    /// Stores a card of this node's own, verified already, under all its targets.
    public mutating func keepOwn(_ card: CardRecord, under topics: [Topic], expires: Int64, now: Moment) {
        dropOwn(card.event.pubkey)
        for topic in topics {
            let stored = Stored(
                card: card, expires: expires, source: nil, storedAt: now.milliseconds, work: card.work,
                facts: CardFacts(card.event, topic: topic))
            add(stored, under: topic.key(), insteadOf: nil)
        }
    }

    /// Drops the cards of our own by `author`, wherever they are.
    public mutating func dropOwn(_ author: PublicKey) {
        filter { $0.source != nil || $0.card.event.pubkey != author }
    }

    /// Drops the cards that `source` put here, because it is gone.
    public mutating func dropCards(from source: Endpoint) { filter { $0.source != source } }

    /// Drops what has expired.
    public mutating func expire(unixNow: Int64) { filter { $0.expires > unixNow } }

    private mutating func filter(_ keep: (Stored) -> Bool) {
        targets = targets.compactMapValues { pile in
            var pile = pile
            pile.filter(keep)
            return pile.count == 0 ? nil : pile
        }
        count = targets.values.reduce(0) { $0 + $1.count }
        held = [:]
        for mark in targets.values.lazy.flatMap(\.marks) where !mark.isOwn {
            held[mark.range, default: 0] += 1
        }
        sources.keep(Set(targets.values.lazy.flatMap(\.cards).compactMap(\.source)))
    }

    /// Whether so many living cards lie under `target` that its shards are better.
    public func isCrowded(_ target: NodeID, unixNow: Int64) -> Bool {
        guard let pile = targets[target], pile.count > limits.crowd else { return false }
        return pile.living(unixNow: unixNow) > limits.crowd
    }

    /// The living cards under `target` that `filter` admits, in the order that `seed` gives, how many there are in all,
    /// and how many it does not admit. The first card of every address range comes before the second of any. What a node
    /// put that left a question unanswered is passed over until that node is heard.
    public func find(
        _ target: NodeID, seed: Int64, offset: Int, limit: Int, filter: ProviderFilter = ProviderFilter(),
        unixNow: Int64
    ) -> (cards: [CardRecord], matches: Int, unwanted: [ProviderFilter.Refusal: Int]) {
        var unwanted: [ProviderFilter.Refusal: Int] = [:]
        guard let pile = targets[target] else { return ([], 0, unwanted) }
        var drawn: [(range: UInt64, author: UInt64, place: Int)] = []
        drawn.reserveCapacity(pile.count)
        let doubted = sources.doubted
        let admitsAll = filter.isEmpty
        for (place, mark) in pile.marks.enumerated() where mark.expires > unixNow {
            if !doubted.isEmpty, let source = pile.cards[place].source, doubted.contains(source) { continue }
            if !admitsAll {
                guard let facts = pile.cards[place].facts else { continue }
                if let reason = filter.refusal(of: facts) {
                    unwanted[reason, default: 0] += 1
                    continue
                }
            }
            // The order of the ranges is drawn by themselves: by its first card, a range that has eight would nearly always
            // come before one that has a single one.
            drawn.append((Self.rank(mark.range, seed), Self.rank(mark.author, seed), place))
        }
        guard limit > 0, offset < drawn.count else { return ([], drawn.count, unwanted) }
        drawn.sort { ($0.range, $0.author) < ($1.range, $1.author) }
        let chosen = pile.inTurns(drawn.map(\.place)).dropFirst(offset).prefix(limit)
        return (chosen.map { pile.cards[$0].card }, drawn.count, unwanted)
    }

    /// A cheap mix: different seeds give different orders, the same seed always the same one.
    private static func rank(_ name: UInt64, _ seed: Int64) -> UInt64 {
        var value = UInt64(bitPattern: seed) &* 0x9E37_79B9_7F4A_7C15 ^ name
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension SignedEvent {
    /// NIP-01's order for replaceable events: the later time, then the lower id.
    func isNewer(than other: SignedEvent) -> Bool {
        createdAt != other.createdAt ? createdAt > other.createdAt : id < other.id
    }
}
