// How often a provider's answers are checked: all of them until ten in a row were right, then ever fewer (BOINC's adaptive
// replication). Pure: time and chance are given.
// It must never let what could not be decided count as right, nor end all checks: who is never checked may lie for ever.

import Glibc
import NodeModel

/// The answers of one provider with one model that were found right in a row.
struct VerificationRate: Hashable, Sendable {
    /// Right answers in a row before any goes unchecked.
    static let trial = 10.0
    /// The least share that is checked, however many were right.
    static let least = 0.02
    /// More in a row say nothing more.
    static let most = 4_096.0

    /// How many, as of `at`.
    private(set) var consecutive: Double
    /// Unix seconds of the last one.
    private(set) var at: Int64

    init(consecutive: Double = 0, at: Int64) {
        self.consecutive = consecutive.isFinite ? min(max(0, consecutive), Self.most) : 0
        self.at = at
    }

    /// How many count now: old ones fade as good jobs do.
    func present(_ now: Int64) -> Double {
        consecutive * exp2(-Double(max(0, now - at)) / Experience.halfLives.good)
    }

    /// The share of answers that are checked.
    /// - Parameter score: what is thought of the provider; who has failed lately is checked like a stranger.
    func share(score: Double?, now: Int64) -> Double {
        if let score, Trust.hasFailed(score) { return 1 }
        let present = present(now)
        return present < Self.trial ? 1 : max(Self.least, 1 / present)
    }

    /// One answer was found right, or wrong.
    mutating func saw(right: Bool, now: Int64) {
        self = VerificationRate(consecutive: right ? present(now) + 1 : 0, at: max(at, now))
    }
}

/// The rates of all providers.
struct VerificationBook: Sendable {
    /// Whose answers with which model.
    struct Key: Hashable, Sendable {
        var provider: PublicKey
        var model: ContentRoot
    }

    /// Rates that are remembered at most; who is forgotten is checked like a stranger.
    static let capacity = 4_096

    private(set) var rates: [Key: VerificationRate]

    init(_ known: [Key: VerificationRate] = [:]) { rates = known }

    /// Whether this answer is checked.
    /// - Parameter drawn: by lot, from 0 to 1.
    func checks(_ key: Key, drawn: Double, score: Double?, now: Int64) -> Bool {
        drawn < (rates[key] ?? VerificationRate(at: now)).share(score: score, now: now)
    }

    /// Takes a finding in. One wrong answer ends the trust in all of a provider's models.
    /// - Returns: what changed.
    mutating func saw(_ key: Key, right: Bool, now: Int64) -> [Key: VerificationRate] {
        var changed: [Key: VerificationRate] = [:]
        let touched = right ? [] : rates.keys.filter { $0.provider == key.provider }
        for each in Set(touched + [key]) {
            var rate = rates[each] ?? VerificationRate(at: now)
            rate.saw(right: right, now: now)
            rates[each] = rate
            changed[each] = rate
        }
        while rates.count > Self.capacity, let oldest = rates.min(by: { $0.value.at < $1.value.at }) {
            rates[oldest.key] = nil
        }
        return changed
    }
}
