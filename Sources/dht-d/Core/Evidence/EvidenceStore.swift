// The evidence that this node keeps for the network, by the provider whom it is about.
// It must never keep a piece whose two signatures were not verified, nor grow past its limits.

public import NodeModel
import Nostr

/// Evidence by provider.
public struct EvidenceStore: Sendable {
    /// How much is kept.
    public struct Limits: Hashable, Sendable {
        /// Most pieces on one provider: so many are shared out evenly among the outcomes.
        public var perSubject = 500
        /// Most pieces of one client with one outcome on one provider.
        public var perRater = 8
        /// Most pieces on one provider that were put from one address range (a /24 or a /48), local ones excepted.
        public var perRange = 64
        /// Most pieces in all.
        public var total = 8_192

        /// The default limits.
        public init() {}
    }

    /// The largest piece, in bytes of its compact form; usual ones have about 500.
    public static let maximumSize = 800

    private let limits: Limits
    private var piles: [PublicKey: EvidencePile] = [:]
    /// How many pieces there are.
    public private(set) var count = 0
    /// Grows with every change.
    private(set) var revision: UInt64 = 0
    /// The providers on whom there are any, in an order that can be replayed.
    public var subjects: [PublicKey] { piles.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) } }

    /// An empty store.
    public init(limits: Limits = Limits()) { self.limits = limits }

    /// Whether these very bytes are there, so that there is nothing to check.
    func holds(_ id: [UInt8], on subject: PublicKey) -> Bool { piles[subject]?.pieces[id] != nil }

    /// Reads one piece and keeps it. The checks run from cheap to dear; the signatures come last.
    ///
    /// - Parameters:
    ///   - source: who put it here; nil when it is our own, or was fetched.
    ///   - wanted: on whom it must be; nil for anybody.
    ///   - own: this node's ids, one for each network that it lives in: a full store lets what is farthest from all of them go
    ///     for what is nearer to one.
    ///   - verify: of the client's signature, and of the provider's.
    /// - Returns: whether it is new.
    /// - Throws: the error to answer with.
    @discardableResult
    public mutating func put(
        _ bytes: [UInt8], from source: Endpoint?, wanted: PublicKey? = nil, own: [NodeID], unixNow: Int64,
        verify: (CardRecord) -> Bool
    ) throws(KRPCError) -> Bool {
        guard bytes.count <= Self.maximumSize else { throw .evidenceTooBig }
        guard let record = CardRecord(encoded: bytes), let evidence = Evidence(unproven: record.event),
            let id = Hex.decode(record.event.id, count: 32), wanted == nil || evidence.subject == wanted
        else { throw .notEvidence }
        guard evidence.isCurrent(unixNow: unixNow) else { throw .evidenceExpired }
        let pile = piles[evidence.subject] ?? EvidencePile(on: evidence.subject)
        // Another signature under the same words is the same piece.
        guard pile.pieces[id] == nil else { return false }
        let victim = try pile.victim(of: evidence, limits)
        if let source, !source.isLocal, pile.count(of: source.group) >= limits.perRange {
            throw .evidenceRange
        }
        let crowded = victim == nil && count >= limits.total ? try farthest(than: evidence.subject, own) : nil
        let foil = SignedEvent(evidence.counterfoil.template, signature: evidence.signature)
        guard verify(record), let counterfoil = CardRecord(foil), verify(counterfoil) else { throw .forged }
        if let crowded { change(crowded) { $0.dropOldest() } }
        change(evidence.subject, isPut: true) {
            $0.put(
                EvidencePile.Piece(record: record, evidence: evidence, id: id, range: source?.group),
                insteadOf: victim)
        }
        return true
    }

    /// Whose evidence has to give way to that on `subject`.
    private func farthest(than subject: PublicKey, _ own: [NodeID]) throws(KRPCError) -> PublicKey {
        func distance(_ place: NodeID) -> NodeID { own.map { place.distance(to: $0) }.min() ?? place }
        guard let last = piles.max(by: { distance($0.value.place) < distance($1.value.place) }),
            distance(Topic.reputation(subject).key()) < distance(last.value.place)
        else { throw .evidenceFull }
        return last.key
    }

    /// - Parameter isPut: that it changes though the number may stay the same.
    private mutating func change(
        _ subject: PublicKey, isPut: Bool = false, _ body: (inout EvidencePile) -> Void
    ) {
        var pile = piles[subject] ?? EvidencePile(on: subject)
        count -= pile.count
        let before = pile.count
        piles[subject] = nil
        body(&pile)
        count += pile.count
        if isPut || pile.count != before { revision += 1 }
        if pile.count > 0 { piles[subject] = pile }
    }

    /// What NIP-77 compares, of one provider.
    func items(on subject: PublicKey) -> [ReconciledItem] { piles[subject]?.items ?? [] }

    /// The pieces with these ids that there are, in their order.
    func pieces(_ ids: [[UInt8]], on subject: PublicKey) -> [CardRecord] {
        guard let pile = piles[subject] else { return [] }
        return ids.compactMap { pile.pieces[$0]?.record }
    }

    /// All pieces on a provider, the newest first.
    public func all(on subject: PublicKey) -> [SignedEvent] {
        (piles[subject]?.pieces.values.map(\.record.event) ?? []).sorted { $0.isNewer(than: $1) }
    }

    /// All pieces, in an order that can be replayed.
    var everything: [CardRecord] {
        subjects.flatMap { subject in
            (piles[subject]?.pieces.values.map(\.record) ?? []).sorted {
                $0.encoded.lexicographicallyPrecedes($1.encoded)
            }
        }
    }

    /// Drops what is too old to count.
    mutating func expire(unixNow: Int64) {
        for subject in subjects { change(subject) { $0.expire(unixNow: unixNow) } }
    }
}
