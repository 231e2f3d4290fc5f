// What this node itself has seen of one provider: jobs that were answered and accepted, and jobs that failed there. Pure.
// It must never keep anybody else's opinion as its own, nor forget failures as fast as successes.

import Glibc

/// Own experience with a provider; it fades.
struct Experience: Hashable, Sendable {
    /// After so many seconds a success counts half, and a failure.
    static let halfLives = (good: 30 * 86_400.0, bad: 90 * 86_400.0)
    /// What one job of one's own counts, beside the two failures and the success that everybody begins with. A failure
    /// counts three times: one who turns bad is found out by few jobs.
    static let weight = (good: 5.0, bad: 15.0)
    /// What one job of another's counts when its client is trusted as fully as can be.
    static let othersWeight = (good: 1.0, bad: 3.0)
    /// What everybody begins with: one success, two failures.
    static let prior = (good: 1.0, bad: 2.0)
    /// What is seen beyond this says nothing more.
    static let most = 4_096.0

    /// Jobs, as much as they count at `at`.
    private(set) var good: Double
    private(set) var bad: Double
    /// Unix seconds of the last one.
    private(set) var at: Int64

    init(good: Double = 0, bad: Double = 0, at: Int64) {
        self.good = Self.sane(good)
        self.bad = Self.sane(bad)
        self.at = at
    }

    private static func sane(_ count: Double) -> Double { count.isFinite ? min(max(0, count), most) : 0 }

    /// The same as it counts now.
    func aged(to now: Int64) -> Experience {
        // A clock that was set back makes nothing younger.
        let age = Double(max(0, now - at))
        return Experience(
            good: good * exp2(-age / Self.halfLives.good), bad: bad * exp2(-age / Self.halfLives.bad),
            at: max(at, now))
    }

    /// One more job.
    mutating func saw(success: Bool, now: Int64) {
        self = aged(to: now)
        if success { good += 1 } else { bad += 1 }
        let total = good + bad
        guard total > Self.most else { return }
        good *= Self.most / total
        bad *= Self.most / total
    }

    /// A job that had counted as good turned out not to be.
    mutating func corrected(now: Int64) {
        self = aged(to: now)
        good = max(0, good - 1)
        saw(success: false, now: now)
    }

    /// What is believed of the share of jobs that go well, by this and by what others said, as much as that counts.
    func belief(now: Int64, with others: Hearsay.Weighed? = nil) -> BetaDistribution {
        let present = aged(to: now)
        let (good, bad) = (Self.sane(others?.good ?? 0), Self.sane(others?.bad ?? 0))
        return BetaDistribution(
            alpha: Self.prior.good + Self.weight.good * present.good + Self.othersWeight.good * good,
            beta: Self.prior.bad + Self.weight.bad * present.bad + Self.othersWeight.bad * bad)
    }

    /// The share of jobs that go well at least, with 95 % certainty: little for a newcomer, and less for a bad one.
    /// Who has failed here is not praised back by others. And others, but for validators, can take away what they or own jobs
    /// gave and no more: they do a stranger no harm, or attackers whom everybody likes could have all others shut out.
    func score(now: Int64, with others: Hearsay.Weighed? = nil) -> Double {
        let alone = belief(now: now).quantile(0.05)
        guard let others else { return alone }
        let together = belief(now: now, with: others).quantile(0.05)
        if Trust.hasFailed(alone) { return min(alone, together) }
        return others.isWarnedOf ? together : max(together, min(alone, ExperienceBook.newcomer))
    }
}
