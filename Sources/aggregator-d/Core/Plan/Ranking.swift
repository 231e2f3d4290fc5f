// In which order offers are tried: who can be had now, what he costs with what is known of him, how loaded he is. Pure.
// It must never let a stranger gain by being cheap, nor send everybody to the same one.

import NodeModel

/// The order of one job's offers.
struct Ranking: Sendable {
    /// The prompt and the answer for which prices are compared, in tokens.
    private static let usualPrompt: Int64 = 500
    private static let usualAnswer: Int64 = 300

    private let input: PlanInput
    private let exploring: Bool
    /// What two thirds of the offers cost at most.
    private let typicalPrice: Double

    init(_ input: PlanInput, _ offers: [Offer]) {
        self.input = input
        exploring = Trust.explores(input.seed)
        let prices = offers.map(Self.price).sorted()
        typicalPrice = prices.isEmpty ? 0 : prices[(prices.count - 1) * 2 / 3]
    }

    /// The best first.
    ///
    /// Of those that cost the same within a tenth, the less loaded of two drawn by lot comes first: everybody's choosing
    /// the least loaded of all would be what loads it (Mitzenmacher, "The power of two choices").
    func ordered(_ offers: [Offer]) -> [Offer] {
        let sorted = offers.sorted { isBetter($0, $1) }
        guard let best = sorted.first else { return [] }
        let equals = sorted.prefix { rank($0) == rank(best) && cost($0) <= cost(best) * 1.1 }
        guard equals.count > 2 else { return sorted }
        let drawn = equals.sorted { place($0) < place($1) }.prefix(2).sorted {
            load($0) != load($1) ? load($0) < load($1) : isBetter($0, $1)
        }
        return drawn + sorted.filter { !drawn.contains($0) }
    }

    /// The load that a provider tells now, or the one on its card; 0 (idle) to 15 (full).
    static func load(_ offer: Offer, _ standings: [PublicKey: Standing]) -> Int {
        if case .told(let status, _)? = standings[offer.card.provider] { return status.load }
        return offer.card.load
    }

    /// The load that is believed: who is doubted comes behind all who say that they have room.
    private func load(_ offer: Offer) -> Int {
        let told = Self.load(offer, input.standings)
        return word(offer).isDoubted ? max(told, 14) : told
    }

    private func word(_ offer: Offer) -> LoadWord { input.words[offer.card.provider] ?? LoadWord() }

    /// 0 for one that can be had now, and higher the less there is to hope for.
    private func rank(_ offer: Offer) -> Int {
        if input.failures[offer.card.provider] != nil { return 3 }
        if case .untold? = input.standings[offer.card.provider] { return 2 }
        return load(offer) >= 15 || word(offer).isFull ? 1 : 0
    }

    /// What a usual job costs by the card.
    private static func price(_ offer: Offer) -> Double {
        let total = offer.model.price.total(promptTokens: usualPrompt, completionTokens: usualAnswer)
        // One more, so that for nothing a proven one is still better than a stranger.
        return Double(total ?? .max) + 1
    }

    /// The same, and the more the less is known for the provider.
    private func cost(_ offer: Offer) -> Double {
        let (price, word) = (Self.price(offer), word(offer))
        var score = input.scores[offer.card.provider]
        // Whoever lies about his load is no better than a stranger, whose low price is not believed either. A job that may
        // try somebody new tries him, too: it is how he is heard again.
        if word.isDoubted, !exploring { score = score.map { min($0, ExperienceBook.newcomer) } }
        let believed = Trust.isProven(score) ? price : max(price, typicalPrice)
        return believed / (Trust.worth(score, exploring: exploring) * word.worth)
    }

    private func isBetter(_ a: Offer, _ b: Offer) -> Bool {
        if rank(a) != rank(b) { return rank(a) < rank(b) }
        if cost(a) != cost(b) { return cost(a) < cost(b) }
        if load(a) != load(b) { return load(a) < load(b) }
        return place(a) < place(b)
    }

    /// A number that orders equals differently for each job, and the same way for one job.
    private func place(_ offer: Offer) -> UInt64 {
        offer.card.provider.bytes.reduce(input.seed ^ 0xcbf2_9ce4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
    }
}
