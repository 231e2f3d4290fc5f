// What became of a card that was announced: who took it under which topic, and why others did not.
// It must never count a node that has not said yes.

/// The result of one announcement.
public struct AnnounceReport: Sendable {
    /// The topics, each with the number of other nodes that took the card.
    public var topics: [(topic: Topic, stored: Int)] = []
    /// Refusals by error, in the order they first came.
    public var refusals: [(error: KRPCError, count: Int)] = []
    /// Nodes that were given the card and did not answer.
    public var unanswered = 0

    /// Other nodes that took the card, summed over the topics.
    public var stored: Int { topics.reduce(0) { $0 + $1.stored } }

    mutating func refuse(_ error: KRPCError) {
        if let index = refusals.firstIndex(where: { $0.error == error }) {
            refusals[index].count += 1
        } else if refusals.count < 16 {
            refusals.append((error, 1))
        }
    }
}
