// What a search for cards brought, with the reason for everything it left out.
// It must never contain a card that is expired, unsigned, or of another topic.

public import NodeModel

/// The result of one search.
public struct FindReport: Sendable {
    /// The newest card of each provider, the most recent first.
    public var cards: [SignedEvent] = []
    /// Nodes that were asked.
    public var asked = 0
    /// Queries for more cards of nodes that had more than fitted.
    public var pages = 0
    /// Nodes that answered.
    public var answered = 0
    /// Nodes that did not answer in time.
    public var timedOut = 0
    /// Nodes that held at least one acceptable card, this one included.
    public var holders = 0
    /// Cards that were refused, by reason.
    public var refused: [Refusal: Int] = [:]
    /// Cards that the filter does not admit, by reason; as far as the holders say.
    public var unwanted: [ProviderFilter.Refusal: Int] = [:]
    /// How long it took.
    public var milliseconds: Int64 = 0

    /// Why a card is not in the result.
    public enum Refusal: String, CaseIterable, Sendable {
        case malformed
        case expired
        case wrongTopic = "not of this topic"
        case badSignature = "bad signature"
        case badLifetime = "lifetime out of bounds"
        case older = "older than another by the same provider"
    }

    /// The refusals as "expired: 1", in a fixed order.
    public var leftOut: [String] {
        var out = Refusal.allCases.compactMap { reason in refused[reason].map { "\(reason.rawValue): \($0)" }
        }
        out += ProviderFilter.Refusal.allCases.compactMap { reason in
            unwanted[reason].map { "\(reason.rawValue): \($0)" }
        }
        return out
    }

    /// A sentence saying why there are no cards, or how many there are.
    public var summary: String {
        if !cards.isEmpty { return "\(cards.count) found at \(holders) nodes" }
        if asked == 0 { return "no other node is known, and nothing is stored here" }
        if answered == 0 { return "none of \(asked) nodes answered" }
        let rest = leftOut.isEmpty ? "" : " (left out: \(leftOut.joined(separator: ", ")))"
        return "\(answered) of \(asked) nodes answered, and none had an acceptable card\(rest)"
    }
}
