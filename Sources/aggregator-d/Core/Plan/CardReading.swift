// From events that the network gave to cards that can be believed: signature, form, expiry, clock. Pure.
// It must never trust that somebody else has checked before.

import NodeModel

enum CardReading {
    /// How far in the future a card may have been made, in seconds.
    static let clockSkew: Int64 = 120

    /// The newest valid card of each provider, and why others were left out.
    static func read(
        _ events: [SignedEvent], own: PublicKey, now: Int64
    ) -> (cards: [ProviderCard], leftOut: [String]) {
        var newest: [PublicKey: ProviderCard] = [:]
        var leftOut: [String] = []
        for event in events where event.pubkey != own {
            let name = event.pubkey.hex.prefix(16)
            do { try event.verify() } catch {
                leftOut.append("\(name): \(error)")
                continue
            }
            guard let card = ProviderCard(event) else {
                leftOut.append("\(name): not a provider's card")
                continue
            }
            if let problem = problem(card, now: now) {
                leftOut.append("\(name): \(problem)")
            } else if (newest[card.provider]?.createdAt ?? .min) < card.createdAt {
                newest[card.provider] = card
            }
        }
        return (newest.values.sorted { $0.provider.hex < $1.provider.hex }, leftOut)
    }

    /// Why a signed card is not to be used now.
    static func problem(_ card: ProviderCard, now: Int64) -> String? {
        if card.expiresAt <= now { return "the card has expired" }
        if card.createdAt > now + clockSkew {
            return "the card is from the future: one of the clocks is wrong"
        }
        return nil
    }
}
