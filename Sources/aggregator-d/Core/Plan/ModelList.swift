// What can be asked for, from this node's store and the cards that were seen. Pure.
// It must never merge two contents because they share a name, nor compare prices in different assets.

import Interfaces
import NodeModel

enum ModelList {
    typealias Model = AggregatorInterface.Models.Model

    /// Local models first, then by name.
    static func of(_ local: LocalView, cards: [ProviderCard], prices: PriceList, context: Int) -> [Model] {
        var models: [ContentRoot: Model] = [:]
        if case .success(let entries) = local.entries {
            for entry in entries where entry.format == "gguf" {
                let own = entry.metadata["context_length"].flatMap { Int($0) } ?? context
                models[entry.root] = Model(
                    name: entry.name, root: entry.root, addedAt: entry.addedAt, context: min(own, context),
                    local: true,
                    providers: 0, prices: [prices.of(entry.name)])
            }
        }
        for card in cards {
            for offer in card.models {
                guard var known = models[offer.root] else {
                    models[offer.root] = Model(
                        name: offer.name, root: offer.root, addedAt: card.createdAt * 1000,
                        context: offer.context,
                        local: false, providers: 1, prices: [offer.price])
                    continue
                }
                known.providers += 1
                if !known.local { known.prices = lowest(known.prices, and: offer.price) }
                models[offer.root] = known
            }
        }
        return models.values.sorted { a, b in
            (a.local ? 0 : 1, a.name, a.root.hex) < (b.local ? 0 : 1, b.name, b.root.hex)
        }
    }

    /// One price in each asset.
    private static func lowest(_ prices: [UnitPrice], and other: UnitPrice) -> [UnitPrice] {
        var prices = prices
        if let same = prices.firstIndex(where: { $0.asset == other.asset }) {
            if sum(other) < sum(prices[same]) { prices[same] = other }
        } else {
            prices.append(other)
            prices.sort { $0.asset.rawValue < $1.asset.rawValue }
        }
        return prices
    }

    private static func sum(_ price: UnitPrice) -> Int64 {
        price.total(promptTokens: 1, completionTokens: 1) ?? .max
    }
}
