// Which jobs this node tells others about: every one whose answer was wrong, and of those that went well one in a while. Pure.
// It must never tell others of every job: what counts of one client on one provider are its last eight words.

import NodeModel

/// When a word on a provider is due.
struct EvidenceSchedule: Sendable {
    /// Seconds between two words on one provider, good and bad.
    static let pause: [Evidence.Outcome: Int64] = [.ok: 3_600, .wrong: 60]
    /// Providers that are remembered at most.
    static let capacity = 1_024

    private struct Key: Hashable {
        let provider: PublicKey
        let outcome: Evidence.Outcome
    }

    private var last: [Key: Int64] = [:]

    /// Whether this job is told; then the next one is not, for a while.
    mutating func tells(_ outcome: Evidence.Outcome, of provider: PublicKey, now: Int64) -> Bool {
        let key = Key(provider: provider, outcome: outcome)
        let pause = Self.pause[outcome] ?? 0
        // A clock that was set back silences nobody for good.
        if let before = last[key], (before..<before + pause).contains(now) { return false }
        if last.count >= Self.capacity, let oldest = last.min(by: { $0.value < $1.value }) {
            last[oldest.key] = nil
        }
        last[key] = now
        return true
    }
}
