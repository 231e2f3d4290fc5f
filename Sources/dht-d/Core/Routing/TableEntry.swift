// What this node knows about another one in its routing table.
// It must never call a node good that has not answered a query of ours from that very address.

/// One row of the routing table.
public struct TableEntry: Hashable, Sendable {
    /// Who and where.
    public let contact: NodeContact
    /// When it last answered us, in milliseconds of the monotonic clock.
    public var lastReply: Int64
    /// When it last asked us something.
    public var lastQuery: Int64
    /// Queries without an answer since the last answer.
    public var failures: Int
    /// Its round-trip time.
    public var roundTrip: RoundTrip
    /// It speaks `inf_*` methods, as far as its version tells; nil when it never said.
    public var isInfernet: Bool?
    /// Its address entitles it to its id (BEP 42).
    public let isEntitled: Bool

    /// A node that has just answered for the first time.
    init(_ contact: NodeContact, lastReply: Int64, roundTrip: RoundTrip, isInfernet: Bool?) {
        self.contact = contact
        self.lastReply = lastReply
        lastQuery = 0
        failures = 0
        self.roundTrip = roundTrip
        self.isInfernet = isInfernet
        isEntitled = contact.id.isBound(to: contact.endpoint)
    }

    /// How far a node can be relied on (BEP 5).
    public enum Standing: String, Sendable, CaseIterable {
        /// Answered, and was heard within the last 15 minutes.
        case good
        /// Silent for long, or one query went unanswered.
        case questionable
        /// Two queries in a row went unanswered.
        case bad
    }

    /// How long a node stays good without a sound, in milliseconds (BEP 5).
    public static let freshness: Int64 = 15 * 60_000
    /// Unanswered queries after which a node is bad.
    public static let patience = 2
    /// Unanswered queries after which a node is forgotten, though nobody wants its place.
    public static let oblivion = 8

    /// The node's standing at `now` (monotonic milliseconds).
    public func standing(at now: Int64) -> Standing {
        if failures >= Self.patience { return .bad }
        if failures > 0 { return .questionable }
        return now - max(lastReply, lastQuery) < Self.freshness ? .good : .questionable
    }
}
