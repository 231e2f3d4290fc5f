// All that a node has to do with evidence, in one place: what it keeps, what its people wait for, what it compares, and when.
// It must never compare so often that an idle node's traffic grows with what it holds.

import NodeModel

/// The evidence department of a node.
struct EvidenceDesk: Sendable {
    var store = EvidenceStore()
    var runs: [Int: EvidenceRun] = [:]
    var syncs: [Int: EvidenceSync] = [:]
    /// When the next comparison is due, in monotonic milliseconds; nil before the first.
    var nextSync: Int64?
    /// Whose evidence was compared last.
    var lastCompared: PublicKey?
    /// When an asker was last asked back about a provider, in monotonic milliseconds.
    private var askedBack: [PublicKey: Int64] = [:]

    /// A provider's evidence is compared this often, in milliseconds, unless there are very many providers.
    static let interval: Int64 = 5 * 60_000
    /// Most comparisons in that time: about 100 bytes a second.
    static let mostSyncs: Int64 = 20
    /// Most comparisons under way.
    static let mostOpen = 8
    /// Nodes that a piece is put at, and that are compared with when people ask: two on each of six paths. Eight of them could
    /// all die or lie. Most hold the same, which costs two packets to find out.
    static let copies = 12

    /// Whether an asker is worth being asked back about this provider: so a node that came lately gets what it should hold.
    mutating func asksBack(about subject: PublicKey, now: Int64) -> Bool {
        guard syncs.count < Self.mostOpen, now - (askedBack[subject] ?? -Self.interval) >= Self.interval / 2
        else { return false }
        if askedBack.count >= 256 { askedBack = [:] }
        askedBack[subject] = now
        return true
    }

    /// The provider whose turn it is, of those whom this node should hold evidence on, and the pause until the next one's.
    mutating func nextSubject(_ isOurs: (PublicKey) -> Bool) -> (subject: PublicKey, pause: Int64)? {
        let subjects = store.subjects.filter(isOurs)
        guard !subjects.isEmpty else { return nil }
        let next =
            subjects.first { lastCompared?.bytes.lexicographicallyPrecedes($0.bytes) ?? true } ?? subjects[0]
        lastCompared = next
        return (next, Self.interval / min(Int64(subjects.count), Self.mostSyncs))
    }
}
