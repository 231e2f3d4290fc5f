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
    private var targets: [NodeID: [Stored]] = [:]
    private var sources = CardSources()
    /// How many cards are stored, expired ones included until the next sweep.
    public private(set) var count = 0
    /// How many targets hold a card.
    public var targetCount: Int { targets.count }

    /// An empty store.
    public init(limits: Limits = Limits(), rules: CardRules = CardRules()) {
        self.limits = limits
        self.rules = rules
    }

    /// Stores a card that `source` put under `target`, a shard of `depth` bits; the token has been checked before.
    ///
    /// The checks run from cheap to dear; `verify` (the signature) runs last and only if all else holds.
    /// - Throws: the error to answer with.
    public mutating func put(
        _ card: CardRecord, under target: NodeID, depth: Int = 0, from source: Endpoint, now: Moment,
        verify: (SignedEvent) -> Bool
    ) throws(KRPCError) {
        let (expires, topic) = try rules.check(card, under: target, depth: depth, unixNow: now.unixSeconds)
        var list = targets[target] ?? []
        let known = list.firstIndex { $0.card.event.pubkey == card.event.pubkey }
        if let known {
            let old = list[known]
            if old.card == card { return sources.heard(source, now: now.milliseconds) }
            guard card.event.isNewer(than: old.card.event) else { throw .older }
            guard now.milliseconds - old.storedAt >= limits.interval else { throw .tooOften }
        }
        let work = card.work
        var victim: Int?
        if known == nil {
            let living = list.lazy.filter { $0.expires > now.unixSeconds }
            guard limits.groups.allow(source, beside: living.compactMap(\.source)) else { throw .groupFull }
            if list.count >= limits.perTarget {
                victim = try Self.victim(of: card, work, from: source, in: list, now: now.unixSeconds)
            } else if count >= limits.total {
                throw .targetFull
            }
        }
        guard verify(card.event) else { throw .forged }
        let stored = Stored(
            card: card, expires: expires, source: source, storedAt: now.milliseconds, work: work,
            facts: CardFacts(card.event, topic: topic))
        if let index = known ?? victim {
            list[index] = stored
        } else {
            list.append(stored)
            count += 1
        }
        targets[target] = list
        sources.heard(source, now: now.milliseconds)
    }

    /// A source to ask whether it is still there, if one was not heard since `before`.
    public mutating func doubtfulSource(before: Int64, now: Int64) -> Endpoint? {
        sources.doubtful(before: before, now: now)
    }

    /// Takes in that a node was heard, which may have put cards here.
    public mutating func heard(_ source: Endpoint, now: Int64) { sources.heardAgain(source, now: now) }

    /// Takes in that a node did not answer; whoever is silent twice loses its cards.
    public mutating func silent(_ source: Endpoint) {
        if sources.silent(source) { dropCards(from: source) }
    }

    /// The card that loses its place to `card`: an expired one; else, of the address range that holds most here, the
    /// one with the least work, then the oldest. Who comes from a range that holds fewer need not outdo it, so that
    /// nobody can drive all others out from a few ranges. Never one of our own.
    private static func victim(
        of card: CardRecord, _ work: Int, from source: Endpoint, in list: [Stored], now: Int64
    ) throws(KRPCError) -> Int {
        var crowd: [UInt32: Int] = [:]
        for stored in list { if let source = stored.source { crowd[source.group, default: 0] += 1 } }
        var chosen: (index: Int, held: Int)?
        for index in list.indices {
            guard let source = list[index].source else { continue }
            if list[index].expires <= now { return index }
            let held = crowd[source.group, default: 0]
            guard let best = chosen else {
                chosen = (index, held)
                continue
            }
            let rank = (-held, list[index].work, list[index].card.event.createdAt)
            let least = list[best.index]
            if rank < (-best.held, least.work, least.card.event.createdAt) { chosen = (index, held) }
        }
        guard let chosen else { throw .targetFull }
        if crowd[source.group, default: 0] + 1 < chosen.held { return chosen.index }
        let least = list[chosen.index]
        guard (work, card.event.createdAt) > (least.work, least.card.event.createdAt) else {
            throw .targetFull
        }
        return chosen.index
    }

    /// Stores a card of this node's own, verified already, under all its targets.
    public mutating func keepOwn(_ card: CardRecord, under topics: [Topic], expires: Int64, now: Moment) {
        dropOwn(card.event.pubkey)
        for topic in topics {
            let key = topic.key()
            var list = targets[key] ?? []
            let before = list.count
            list.removeAll { $0.card.event.pubkey == card.event.pubkey }
            list.append(
                Stored(
                    card: card, expires: expires, source: nil, storedAt: now.milliseconds, work: card.work,
                    facts: CardFacts(card.event, topic: topic)))
            count += list.count - before
            targets[key] = list
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
        targets = targets.compactMapValues { list in
            let kept = list.filter(keep)
            return kept.isEmpty ? nil : kept
        }
        count = targets.values.reduce(0) { $0 + $1.count }
        sources.keep(Set(targets.values.lazy.joined().compactMap(\.source)))
    }

    /// Whether so many living cards lie under `target` that its shards are better.
    public func isCrowded(_ target: NodeID, unixNow: Int64) -> Bool {
        guard let list = targets[target], list.count > limits.crowd else { return false }
        return list.count { $0.expires > unixNow } > limits.crowd
    }

    /// The living cards under `target` that `filter` admits, in the order that `seed` gives, how many there are in all,
    /// and how many it does not admit. The first card of every address range comes before the second of any.
    public func find(
        _ target: NodeID, seed: Int64, offset: Int, limit: Int, filter: ProviderFilter = ProviderFilter(),
        unixNow: Int64
    ) -> (cards: [CardRecord], matches: Int, unwanted: [ProviderFilter.Refusal: Int]) {
        var unwanted: [ProviderFilter.Refusal: Int] = [:]
        let living = (targets[target] ?? []).filter { stored in
            guard stored.expires > unixNow else { return false }
            if filter.isEmpty { return true }
            guard let facts = stored.facts else { return false }
            guard let reason = filter.refusal(of: facts) else { return true }
            unwanted[reason, default: 0] += 1
            return false
        }
        guard limit > 0, offset < living.count else { return ([], living.count, unwanted) }
        let drawn = living.map { (rank: Self.rank($0.card.event.pubkey, seed), stored: $0) }
            .sorted { $0.rank < $1.rank }
        var turns: [UInt32?: Int] = [:]
        let ordered = drawn.map { each -> (turn: Int, rank: UInt64, card: CardRecord) in
            let range = each.stored.source?.group
            defer { turns[range, default: 0] += 1 }
            return (turns[range, default: 0], each.rank, each.stored.card)
        }.sorted { ($0.turn, $0.rank) < ($1.turn, $1.rank) }
        return (ordered.dropFirst(offset).prefix(limit).map(\.card), living.count, unwanted)
    }

    /// A cheap mix: different seeds give different orders, the same seed always the same one.
    private static func rank(_ author: PublicKey, _ seed: Int64) -> UInt64 {
        var value = author.bytes.prefix(8).reduce(UInt64(bitPattern: seed)) {
            ($0 &* 0x100_0000_01B3) ^ UInt64($1)
        }
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        return value ^ value >> 27
    }
}

extension CardRecord {
    /// Leading zero bits of the id: the work that its author put in (NIP-13).
    var work: Int {
        var bits = 0
        for byte in Hex.decode(event.id) ?? [] {
            bits += byte.leadingZeroBitCount
            if byte != 0 { break }
        }
        return bits
    }
}

extension SignedEvent {
    /// NIP-01's order for replaceable events: the later time, then the lower id.
    func isNewer(than other: SignedEvent) -> Bool {
        createdAt != other.createdAt ? createdAt > other.createdAt : id < other.id
    }
}
