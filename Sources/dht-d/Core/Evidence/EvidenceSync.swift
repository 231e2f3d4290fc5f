// The comparison of what two nodes hold on one provider, and the fetching of what is missing here: only that way does evidence
// come from one holder to another. It must never take the other's word for a piece: it is read, and its signatures are checked.

import NodeModel
import Nostr

/// One comparison under way.
struct EvidenceSync: Sendable {
    /// Most pieces that are fetched in one comparison, for somebody who asks and for the house; the next one brings more.
    static let most = (asked: 128, house: 32)
    /// Ranges are told in few parts, so that each message fits a packet.
    private static let buckets = 8
    /// A message exceeds its limit by a fingerprint of the rest, when there is one.
    private static let limit = EvidenceCall.longestMessage - 48

    let subject: PublicKey
    let peer: NodeContact
    /// Whose wish this is; nil when the node keeps house.
    let run: Int?
    /// Where among the missing pieces to begin, from 0 to 1: holders that are asked at once are asked for different ones.
    private let share: Double
    var token: [UInt8]
    private var reconciliation: Reconciliation
    /// Ids of pieces that the other claims to hold.
    private(set) var missing: [[UInt8]] = []

    init(
        _ subject: PublicKey, _ items: [ReconciledItem], with peer: NodeContact, token: [UInt8],
        for run: Int?,
        share: Double = 0
    ) {
        self.share = share
        self.subject = subject
        self.peer = peer
        self.token = token
        self.run = run
        reconciliation = Reconciliation(items, limit: Self.limit, buckets: Self.buckets)
    }

    /// The first message.
    var first: [UInt8] { reconciliation.begin() }

    /// Takes the other's message; gives the next one, or nil when it is known what is missing.
    mutating func proceed(_ message: [UInt8]) throws(ReconciliationError) -> [UInt8]? {
        let next = try reconciliation.proceed(message)
        missing = reconciliation.need.sorted { $0.lexicographicallyPrecedes($1) }
        let most = run == nil ? Self.most.house : Self.most.asked
        // Who claims more than can be fetched is not asked for still more.
        guard let next, missing.count < most else {
            let start = Int(share * Double(missing.count))
            missing = Array((missing.dropFirst(start) + missing.prefix(start)).prefix(most))
            return nil
        }
        return next
    }

    /// The ids to ask for next.
    func wanted() -> [[UInt8]] { Array(missing.prefix(EvidenceCall.mostIDs)) }

    /// These need not be asked for any more: they are here, or the other does not have them.
    mutating func settle(_ ids: [[UInt8]]) {
        let ids = Set(ids)
        missing.removeAll { ids.contains($0) }
    }

    /// What who is asked answers; nil when the message is none.
    static func answer(_ message: [UInt8], holding items: [ReconciledItem]) -> [UInt8]? {
        try? Reconciliation(items, limit: limit, buckets: buckets).answer(message)
    }
}
