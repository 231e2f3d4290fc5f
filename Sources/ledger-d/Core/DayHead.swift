// The end of the chain at the end of a day, signed by the node: kept elsewhere, it shows whether the end was cut off.
// It must never be signed for a day that may still grow: it is made when a later day's first transfer is.

import NodeModel

/// What a signed head says.
struct DayHead: Codable, Hashable, Sendable {
    /// Days since 1970 (UTC).
    var day: Int64
    /// The hash of the day's last link, in hexadecimal.
    var hash: String
    /// Its place in the chain.
    var sequence: Int64

    /// The event that the node signs.
    func template(node: PublicKey, at: Int64) throws -> EventTemplate {
        EventTemplate(
            pubkey: node, createdAt: at, kind: EventKind.ledgerHead,
            content: String(decoding: try CanonicalJSON.encode(self), as: UTF8.self))
    }

    /// Reads and proves the event of `node`.
    init(_ event: SignedEvent, node: PublicKey) throws {
        try event.verify()
        guard event.kind == EventKind.ledgerHead, event.pubkey == node, event.tags.isEmpty else {
            throw ChainFault(description: "it is no head of this node's ledger")
        }
        self = try CanonicalJSON.decode(DayHead.self, from: event.content.utf8)
    }

    init(day: Int64, hash: String, sequence: Int64) {
        self.day = day
        self.hash = hash
        self.sequence = sequence
    }
}
