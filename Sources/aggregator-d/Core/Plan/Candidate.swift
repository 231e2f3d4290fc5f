// Where a job could run. It must never hold a card that has not been verified.

import Interfaces
import NodeModel

/// A provider's verified offer of one model.
struct Offer: Hashable, Sendable {
    var card: ProviderCard
    var model: ModelOffer
}

/// A place where a job can run.
enum Candidate: Hashable, Sendable {
    /// At this node: the entry of its store.
    case here(ContentInterface.Entry)
    case provider(Offer)

    /// A few words for people.
    var words: String {
        switch self {
        case .here: "running here"
        case .provider(let offer): "running at \(offer.card.provider.hex.prefix(16)) (\(offer.card.endpoint))"
        }
    }
}
