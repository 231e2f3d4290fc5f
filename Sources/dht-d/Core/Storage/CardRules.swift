// What a card must satisfy before anybody looks at its signature: form, topic, lifetime.
// It must never be looser for one path (put, find, announce) than for another.

import NodeModel

/// The rules for cards, the same for storing, finding and announcing.
public struct CardRules: Hashable, Sendable {
    /// The longest lifetime, in seconds (`ProviderCard.maximumLifetime`).
    public var maximumLifetime: Int64 = ProviderCard.maximumLifetime
    /// How far ahead of our clock a card's may be, in seconds.
    public var clockSkew: Int64 = 120

    /// The default rules.
    public init() {}

    /// Checks everything but the signature.
    ///
    /// - Returns: when the card expires, in Unix seconds.
    /// - Throws: the error to answer with.
    public func check(_ card: CardRecord, under target: NodeID?, unixNow: Int64) throws(KRPCError) -> Int64 {
        guard card.event.kind == EventKind.card else { throw .notACard }
        if let target, !Topic.topics(of: card.event).contains(where: { $0.key() == target }) {
            throw .wrongTarget
        }
        guard card.encoded.count <= CardRecord.maximumSize else { throw .recordTooBig }
        let created = card.event.createdAt
        guard created <= unixNow + clockSkew else { throw .fromTheFuture }
        guard let text = card.event.onlyTag("expiration"), let expires = Int64(text), expires > created,
            expires - maximumLifetime <= created
        else { throw .badLifetime }
        guard expires > unixNow else { throw .expired }
        return expires
    }
}
