// What a filter looks at, read from a card once when it is stored, so that a filtered search costs no parsing.
// It must never be read from a card whose signature was not checked.

import NodeModel

/// The properties of a card under one target.
struct CardFacts: Hashable, Sendable {
    let memoryMiB: Int
    let load: Int
    /// Of the offer that the target is about; where it is about no model, of the cheapest.
    let price: UnitPrice?
    let device: String

    /// - Parameter topic: what the target is about.
    /// - Returns: nil when the event is no card that can be read; such a card meets no filter.
    init?(_ event: SignedEvent, topic: Topic?) {
        guard let card = ProviderCard(event) else { return nil }
        memoryMiB = card.memoryMiB
        load = card.load
        device = card.device
        var name: String?
        if case .nameOnDevice(let wanted, _) = topic { name = wanted }
        let offer = card.models.first {
            topic == .name($0.name) || topic == .model($0.root) || name == $0.name
        }
        price =
            offer?.price
            ?? card.models.min {
                max($0.price.prompt, $0.price.completion) < max($1.price.prompt, $1.price.completion)
            }?.price
    }
}

extension ProviderFilter {
    /// Why a card with these facts is not wanted; nil when it is.
    func refusal(of facts: CardFacts) -> Refusal? {
        refusal(
            memoryMiB: facts.memoryMiB, load: facts.load, price: facts.price, device: facts.device)
    }
}

extension ProviderFilter.Refusal {
    /// The letters of `f` and `nx` in a packet, in the order of their bytes.
    static let onTheWire: [(letter: StaticString, refusal: ProviderFilter.Refusal)] = [
        ("a", .asset), ("g", .device), ("l", .load), ("p", .price), ("v", .memory),
    ]
}
