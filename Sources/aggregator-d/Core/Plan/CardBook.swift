// The cards that were seen lately, and which providers failed lately or did not answer. Pure: time is given.
// It must never keep a card past its expiry, nor a grudge past a renewed card.

import NodeModel

/// What this node remembers of other providers.
struct CardBook: Sendable {
    /// A provider's recent failures.
    struct Failure: Hashable, Sendable {
        var count: Int
        /// Unix seconds of the last one.
        var at: Int64
        var until: Int64
        var reason: String
    }

    /// Providers that are remembered at most.
    static let capacity = 512
    /// The longest penalty, in multiples of the shortest.
    static let longestPenalty: Int64 = 16

    /// Seconds that the first failure costs.
    let penalty: Int64
    private var cards: [PublicKey: ProviderCard] = [:]
    private var failures: [PublicKey: Failure] = [:]
    /// When each provider did not answer when it was asked how it is, in Unix seconds.
    private var silences: [PublicKey: Int64] = [:]

    init(penalty: Int64) { self.penalty = max(0, penalty) }

    /// Remembers verified cards.
    mutating func saw(_ seen: [ProviderCard], now: Int64) {
        for card in seen where (cards[card.provider]?.createdAt ?? .min) <= card.createdAt {
            cards[card.provider] = card
            if let failure = failures[card.provider], card.createdAt > failure.at {
                failures[card.provider] = nil
            }
            if let silence = silences[card.provider], card.createdAt > silence {
                silences[card.provider] = nil
            }
        }
        tidy(now: now)
    }

    /// Puts a provider at the back for a while.
    mutating func blame(_ provider: PublicKey, reason: String, now: Int64) {
        let count = min((failures[provider]?.count ?? 0) + 1, 30)
        let factor = min(Int64(1) << Int64(count - 1), Self.longestPenalty)
        failures[provider] = Failure(count: count, at: now, until: now + penalty * factor, reason: reason)
        tidy(now: now)
    }

    /// Notes that a provider did not answer, or did.
    mutating func heard(_ answered: Bool, from provider: PublicKey, now: Int64) {
        silences[provider] = answered ? nil : now
        tidy(now: now)
    }

    /// When a provider did not answer, while that is worth remembering: asking it again would delay the next job too.
    func silence(_ provider: PublicKey, now: Int64) -> Int64? {
        silences[provider].flatMap { $0 + penalty > now ? $0 : nil }
    }

    /// Forgets a provider's failures.
    mutating func praise(_ provider: PublicKey) { failures[provider] = nil }

    /// The failure for which a provider stands at the back now.
    func failure(_ provider: PublicKey, now: Int64) -> Failure? {
        failures[provider].flatMap { $0.until > now ? $0 : nil }
    }

    /// The cards that have not expired.
    func known(now: Int64) -> [ProviderCard] {
        cards.values.filter { CardReading.problem($0, now: now) == nil }
    }

    /// The providers whose cards have not expired.
    func providers(now: Int64) -> [PublicKey] { known(now: now).map(\.provider) }

    /// How many other providers offer this model by a card that holds, but are not among those found now.
    func vanished(_ model: String, own: PublicKey, found: [ProviderCard], now: Int64) -> Int {
        known(now: now).count { card in
            card.provider != own && !found.contains { $0.provider == card.provider }
                && card.models.contains { $0.name == model || $0.root.hex == model }
        }
    }

    /// The newest card of a provider that was seen.
    func card(_ provider: PublicKey) -> ProviderCard? { cards[provider] }

    /// Where a provider was last heard to be.
    func endpoint(_ provider: PublicKey) -> String? { cards[provider]?.endpoint }

    private mutating func tidy(now: Int64) {
        if cards.count > Self.capacity { cards = cards.filter { $0.value.expiresAt > now } }
        while cards.count > Self.capacity, let oldest = cards.values.min(by: { $0.createdAt < $1.createdAt })
        {
            cards[oldest.provider] = nil
        }
        if silences.count > Self.capacity { silences = silences.filter { $0.value + penalty > now } }
        while silences.count > Self.capacity, let oldest = silences.min(by: { $0.value < $1.value }) {
            silences[oldest.key] = nil
        }
        if failures.count > Self.capacity { failures = failures.filter { $0.value.until > now } }
        while failures.count > Self.capacity, let oldest = failures.min(by: { $0.value.at < $1.value.at }) {
            failures[oldest.key] = nil
        }
    }
}
