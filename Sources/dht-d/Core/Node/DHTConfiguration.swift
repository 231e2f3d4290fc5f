// The numbers that shape a node's behaviour, in one place, with the defaults of the public network.
// It must never be read from a file here: the shell fills it.

/// How a `DHTNode` behaves.
public struct DHTConfiguration: Sendable {
    /// The networks that the node lives in: those of which it has a socket.
    public var families: Set<AddressFamily> = [.v4]
    /// Nodes per bucket and replicas per card (Kademlia's k).
    public var width = 8
    /// Open questions per lookup (α).
    public var parallel = 4
    /// Disjoint paths of a search for cards, of the same when it found nothing the first time, of an announcement, of its
    /// repetitions, and to evidence. One path finds the very nearest, which is best when many die; more get past those who
    /// name only each other. So a card that is announced again lies at both.
    public var paths = (search: 1, doubt: 3, announce: 1, again: 6, evidence: 6)
    /// A card that was announced for the first time is announced again as soon as that has ended.
    public var announcesTwice = true
    /// Most questions per lookup.
    public var lookupBudget = 64
    /// A lookup ends after this long whatever it has, in milliseconds.
    public var lookupDeadline: Int64 = 8_000
    /// An announcement ends after this long, in milliseconds.
    public var announceDeadline: Int64 = 12_000
    /// The soft timeout while no round-trip time is known, in milliseconds.
    public var firstSoftTimeout: Int64 = 500
    /// The bounds of the soft timeout, in milliseconds.
    public var softTimeout: ClosedRange<Int64> = 60...1_000
    /// The bounds of the hard timeout (four times the soft one), in milliseconds.
    public var hardTimeout: ClosedRange<Int64> = 1_000...3_000
    /// The size of an `inf_find` query, in bytes, which is the largest reply that an unverified asker can get: room for eight
    /// nodes, and for one card when cards are wanted.
    public func findRequestSize(_ family: AddressFamily, forCards: Bool) -> Int {
        let more = family == .v4 ? 0 : 8 * (NodeContact.byteCount(.v6) - NodeContact.byteCount(.v4)) + 14
        return (forCards ? 800 : 360) + more
    }
    /// Limits per address range.
    public var groups = AddressGroups()
    /// How many cards are kept.
    public var cardLimits = CardStore.Limits()
    /// What cards must satisfy.
    public var cardRules = CardRules()
    /// A token's secret changes this often, in milliseconds.
    public var tokenLifetime: Int64 = 5 * 60_000
    /// A bucket untouched for this long is refreshed, in milliseconds.
    public var bucketRefresh: Int64 = 15 * 60_000
    /// A bootstrap node is asked at least this often, however many others are known, in milliseconds.
    public var entranceVisit: Int64 = 60 * 60_000
    /// Our own card is put again this often, in milliseconds.
    public var reannounce: Int64 = 5 * 60_000
    /// Who put cards here and was not heard for this long is asked whether it is there, in milliseconds.
    public var sourceSilence: Int64 = 6 * 60_000
    /// How often the node looks after itself, in milliseconds.
    public var maintenance: Int64 = 5_000
    /// Queries answered per second and address range (a /24 or /48; a /64 has half), local addresses excepted; nil for no limit.
    public var queryRate: Int? = 200
    /// What a card with a forged signature counts, in queries; whoever proved his address answers for it.
    public static let forgeryPrice: Int64 = 20
    /// Replies of more than three times their query, per second and address range, to addresses that have
    /// never answered us; local addresses excepted.
    public var largeReplyRate = 4
    /// Our `inf_stat` queries have this size, in bytes, and those that are answered at least that: no answer is larger
    /// than its query.
    public var statusRequestSize = (ours: 512, least: 448)
    /// Providers that are asked how they are are waited for so long, in milliseconds: all of them, and the first.
    public var statusPatience: Int64 = 250
    public var statusDeadline: Int64 = 600
    /// Answers to such questions per second, in all and for one address range (/24), local ones excepted.
    public var statusRate = (all: 100, range: 4)
    /// Take an id that follows from our address (BEP 42) once others agree on what that is.
    public var bindsID = true
    /// Ask others not to take us into their tables (BEP 43).
    public var readOnly = ReadOnly.never

    /// When others are asked not to take us into their tables.
    public enum ReadOnly: Sendable {
        case never, always
        /// When no stranger's packet arrives here; see `Reach`.
        case byEvidence
    }

    /// The defaults.
    public init() {}
}
