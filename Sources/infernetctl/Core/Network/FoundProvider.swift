// One provider as a search found it, and how it ranks among others. Pure.
// It must never be made from a card whose signature does not hold, nor be called cheaper than one that takes another asset.

import NodeModel

/// A provider of a model.
struct FoundProvider: Encodable, Hashable, Sendable {
    var card: ProviderCard
    var offer: ModelOffer
    /// What this node thinks of it, 0 to 1; nil when nobody asked.
    var reputation: Double?

    /// - Parameter model: a name or a root in hexadecimal.
    /// - Returns: nil when the card is not signed by whom it names, has expired, or does not offer the model.
    init?(_ event: SignedEvent, model: String, now: Int64) {
        let name = model.lowercased()
        guard (try? event.verify()) != nil, let card = ProviderCard(event), card.expiresAt > now,
            let offer = card.models.first(where: { $0.name == name || $0.root.hex == name })
        else { return nil }
        self.card = card
        self.offer = offer
    }

    /// By what they are paid in, and there the cheapest first; among equals the idlest, then by key, so that the order is always the same.
    static func ranked(_ all: [FoundProvider]) -> [FoundProvider] {
        all.sorted { one, other in
            if one.asset != other.asset { return one.asset.rawValue < other.asset.rawValue }
            if one.price != other.price { return one.price < other.price }
            if one.card.load != other.card.load { return one.card.load < other.card.load }
            return one.card.provider.hex < other.card.provider.hex
        }
    }

    /// Those of whom at least so much is thought, in their order. Of whom nothing is known nothing is thought.
    static func reputable(_ all: [FoundProvider], least: Double) -> [FoundProvider] {
        all.filter { $0.reputation ?? 0 >= least }
    }

    /// The dearer of the two prices of a token, which is what bounds on the price look at.
    var price: Int64 { max(offer.price.prompt, offer.price.completion) }

    var asset: Asset { offer.price.asset }

    /// "1 / 2 micro test:credit".
    var priceText: String { Units.price(offer.price) }
}
