// The evidence on one provider: which piece has to go when another comes.
// It must never let praise drive blame out, nor one client's words those of all others.

import NodeModel
import Nostr

/// Pieces of evidence on one provider, in no order that means anything.
struct EvidencePile: Sendable {
    /// One piece that passed every check.
    struct Piece: Sendable {
        let record: CardRecord
        let evidence: Evidence
        let id: [UInt8]
        /// Where it was put from (a /24 or a /48); nil for our own, and for what we fetched ourselves.
        let range: UInt64?
    }

    /// Where it belongs; kept, because a full store compares all places before it looks at a signature.
    let place: NodeID
    private(set) var pieces: [[UInt8]: Piece] = [:]

    /// No pieces yet.
    init(on subject: PublicKey) { place = Topic.reputation(subject).key() }

    var count: Int { pieces.count }

    /// What NIP-77 compares.
    var items: [ReconciledItem] {
        pieces.values.compactMap { piece in
            ReconciledItem(time: UInt64(max(0, piece.evidence.createdAt)), id: piece.id)
        }
    }

    /// The id of the piece that gives way to `evidence`: an older word of the same client on the same receipt; his oldest
    /// word, when he has had his say; the oldest word of the most talkative, when all the room for such words is taken.
    func victim(of evidence: Evidence, _ limits: EvidenceStore.Limits) throws(KRPCError) -> [UInt8]? {
        let alike = pieces.values.filter { $0.evidence.outcome == evidence.outcome }
        let own = pieces.values.filter { $0.evidence.rater == evidence.rater }
        if let same = own.first(where: { $0.evidence.counterfoil.receipt == evidence.counterfoil.receipt }) {
            guard same.evidence.createdAt < evidence.createdAt else { throw .newerEvidence }
            return same.id
        }
        let ownAlike = own.filter { $0.evidence.outcome == evidence.outcome }
        if ownAlike.count >= limits.perRater {
            guard let oldest = ownAlike.min(by: Self.isOlder), oldest.evidence.createdAt < evidence.createdAt
            else { throw .newerEvidence }
            return oldest.id
        }
        guard alike.count >= limits.perSubject / Evidence.Outcome.allCases.count else { return nil }
        var said: [PublicKey: Int] = [:]
        for piece in alike { said[piece.evidence.rater, default: 0] += 1 }
        let most = said.values.max() ?? 0
        let loudest = alike.filter { said[$0.evidence.rater] == most }
        guard let oldest = loudest.min(by: Self.isOlder) else { return nil }
        // Who says less than the loudest need not be newer.
        guard ownAlike.count + 1 < most || oldest.evidence.createdAt < evidence.createdAt else {
            throw .evidenceFull
        }
        return oldest.id
    }

    func count(of range: UInt64) -> Int { pieces.values.count { $0.range == range } }

    mutating func put(_ piece: Piece, insteadOf victim: [UInt8]?) {
        if let victim { pieces[victim] = nil }
        pieces[piece.id] = piece
    }

    mutating func dropOldest() {
        if let oldest = pieces.values.min(by: Self.isOlder) { pieces[oldest.id] = nil }
    }

    mutating func expire(unixNow: Int64) {
        pieces = pieces.filter { $0.value.evidence.isCurrent(unixNow: unixNow) }
    }

    /// By time and, so that a run can be replayed, by id.
    private static func isOlder(_ left: Piece, _ right: Piece) -> Bool {
        let (a, b) = (left.evidence.createdAt, right.evidence.createdAt)
        return a != b ? a < b : left.id.lexicographicallyPrecedes(right.id)
    }
}
