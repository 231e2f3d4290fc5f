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
    /// - Parameter depth: the target is a shard of so many bits of the author's hash.
    /// - Returns: when the card expires, in Unix seconds, and the topic that `target` is of.
    /// - Throws: the error to answer with.
    public func check(
        _ card: CardRecord, under target: NodeID?, depth: Int = 0, unixNow: Int64
    ) throws(KRPCError) -> (expires: Int64, topic: Topic?) {
        guard card.event.kind == EventKind.card, Self.offers(card.event) <= ProviderCard.mostModels else {
            throw .notACard
        }
        var topic: Topic?
        if let target {
            let bits = card.event.pubkey.shardBits(depth)
            topic = Topic.topic(of: card.event, at: target, shardBits: bits)
            if topic == nil { throw .wrongTarget }
        }
        guard card.encoded.count <= CardRecord.maximumSize else { throw .recordTooBig }
        let created = card.event.createdAt
        guard created <= unixNow + clockSkew else { throw .fromTheFuture }
        guard let text = card.event.onlyTag("expiration"), let expires = Int64(text), expires > created,
            expires - maximumLifetime <= created
        else { throw .badLifetime }
        guard expires > unixNow else { throw .expired }
        return (expires, topic)
    }

    /// Each model is a target or two under which a card may lie: one signature must not buy a hundred places.
    private static func offers(_ event: SignedEvent) -> Int { event.tags.count { $0.first == "model" } }
}
