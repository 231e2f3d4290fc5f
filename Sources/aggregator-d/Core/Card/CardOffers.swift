// What of the store this node can sell, and why the rest is left out. Pure.
// It must never offer a model that does not run here, nor leave one out without a word.

import Interfaces
import NodeModel
import Wire

/// The models for a card, the newest first.
struct CardOffers: Sendable {
    /// A model that no client hears of, and why.
    struct LeftOut: Hashable, Sendable, CustomStringConvertible {
        var name: String
        var reason: String
        var description: String { "\(name): \(reason)" }
    }

    /// The longest name that a card can hold, in bytes; content's own may be longer.
    static let longestName = 64

    /// What runs here. The newest come first, and so stay when a card has no room for all: whoever adds a model wants it
    /// sold, the order changes when a person changes the store and at no other time, and adding one again moves it to the front.
    private(set) var runnable: [ContentInterface.Entry] = []
    private(set) var leftOut: [LeftOut] = []

    init(_ local: LocalView) {
        guard case .success(let entries) = local.entries else { return }
        let models = entries.filter { $0.format == "gguf" }.sorted {
            ($0.addedAt, $0.name) > ($1.addedAt, $1.name)
        }
        for entry in models {
            if entry.name.utf8.count > Self.longestName {
                leave(entry.name, "its name has more than \(Self.longestName) bytes")
            } else if let problem = local.problem(of: entry) {
                leave(entry.name, problem.message)
            } else {
                runnable.append(entry)
            }
        }
    }

    /// What a card says of the models that run.
    func models(_ prices: PriceList, context: Int) -> [ModelOffer] {
        runnable.map { entry in
            let own = entry.metadata["context_length"].flatMap { Int($0) } ?? context
            return ModelOffer(
                name: entry.name, root: entry.root, context: max(1, min(own, context)),
                price: prices.of(entry.name))
        }
    }

    /// The card with as many of its models as it holds, the last ones left out.
    mutating func fitted(_ card: ProviderCard) -> ProviderCard {
        var card = card
        var over: [LeftOut] = []
        while let last = card.models.last {
            let words: String
            if card.models.count > ProviderCard.mostModels {
                words = "a card has at most \(ProviderCard.mostModels) models"
            } else if card.size > ProviderCard.maximumSize {
                words = "a card has at most \(ProviderCard.maximumSize) bytes"
            } else {
                break
            }
            over.append(LeftOut(name: last.name, reason: words))
            card.models.removeLast()
        }
        leftOut += over.reversed()
        return card
    }

    private mutating func leave(_ name: String, _ reason: String) {
        leftOut.append(LeftOut(name: name, reason: reason))
    }
}
