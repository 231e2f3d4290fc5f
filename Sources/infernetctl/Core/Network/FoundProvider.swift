// One provider as a search found it, and how it ranks among others. Pure.
// It must never be made from a card whose signature does not hold, nor be called cheaper than one that takes another asset.

import Interfaces
import NodeModel

/// A provider of a model, or of a device.
struct FoundProvider: Encodable, Hashable, Sendable {
    var card: ProviderCard
    /// What it offers of what is searched; the cheapest of all when no model is.
    var offer: ModelOffer
    /// What this node thinks of it, 0 to 1; nil when nobody asked.
    var reputation: Double?
    /// Memory that is free on its accelerator, by its own signed word of just now; nil when nobody asked.
    var freeMiB: Int?

    enum CodingKeys: String, CodingKey {
        case card, offer, reputation
        case freeMiB = "free_mib"
    }

    /// - Parameters:
    ///   - model: a name or a root in hexadecimal; nil for any.
    ///   - device: its accelerator's class; nil for any.
    /// - Returns: nil when the card is not signed by whom it names, has expired, or does not offer them.
    init?(_ event: SignedEvent, model: String?, device: String? = nil, now: Int64) {
        guard (try? event.verify()) != nil, let card = ProviderCard(event), card.expiresAt > now,
            device == nil || card.device == device
        else { return nil }
        let name = model?.lowercased()
        let offers = card.models.filter { name == nil || $0.name == name || $0.root.hex == name }
        let cheapest = offers.min {
            max($0.price.prompt, $0.price.completion) < max($1.price.prompt, $1.price.completion)
        }
        guard let offer = name == nil ? cheapest : offers.first else { return nil }
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

    /// Those whose own word says so much free memory, in their order, and why the others are left out.
    static func roomy(
        _ asked: [FoundProvider], _ answers: [DHTInterface.Probe.Answer], leastMiB: Int
    ) -> (kept: [FoundProvider], leftOut: [FreeMemoryRefusal: Int]) {
        var kept: [FoundProvider] = []
        var leftOut: [FreeMemoryRefusal: Int] = [:]
        for var provider in asked {
            let event = answers.first { $0.provider == provider.card.provider }?.status
            guard let event, event.pubkey == provider.card.provider, (try? event.verify()) != nil,
                let status = ProviderStatus(event)
            else {
                leftOut[.silent, default: 0] += 1
                continue
            }
            guard let free = status.freeMiB else {
                leftOut[.untold, default: 0] += 1
                continue
            }
            provider.freeMiB = free
            if free >= leastMiB { kept.append(provider) } else { leftOut[.less, default: 0] += 1 }
        }
        return (kept, leftOut)
    }

    /// The dearer of the two prices of a token, which is what bounds on the price look at.
    var price: Int64 { max(offer.price.prompt, offer.price.completion) }

    var asset: Asset { offer.price.asset }

    /// "1 / 2 micro test:credit".
    var priceText: String { Units.price(offer.price) }
}

/// Why a provider has not the free memory that is wanted.
enum FreeMemoryRefusal: String, CaseIterable {
    case less = "less free memory than wanted"
    case untold = "tells no free memory"
    case silent = "did not say how it is"

    /// As "less free memory than wanted: 2", in a fixed order.
    static func words(_ counts: [FreeMemoryRefusal: Int]) -> [String] {
        allCases.compactMap { reason in counts[reason].map { "\(reason.rawValue): \($0)" } }
    }
}
