// What this node asks for a token: one price, and others for models that are named. Pure.
// It must never have prices in two assets: a card says in one place where all of it is paid.

import NodeConfig
import NodeModel

/// The prices of this node.
struct PriceList: Sendable {
    /// For every model that has none of its own.
    var standard: UnitPrice
    private var own: [String: UnitPrice] = [:]

    init(_ standard: UnitPrice) { self.standard = standard }

    init(_ section: AggregatorSection) {
        let asset = Asset(rawValue: section.price.asset)
        standard = UnitPrice(
            asset: asset, prompt: section.price.prompt, completion: section.price.completion)
        own = section.prices.mapValues {
            UnitPrice(asset: asset, prompt: $0.prompt, completion: $0.completion)
        }
    }

    /// In what all of them are.
    var asset: Asset { standard.asset }

    /// The price of a model, by the name under which it is in the store.
    func of(_ model: String) -> UnitPrice { own[model] ?? standard }
}
