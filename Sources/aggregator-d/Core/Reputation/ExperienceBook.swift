// Own experience with all providers, and what it is worth when one is chosen. Pure: time is given.
// It must never grow without bound, nor give a stranger more than a newcomer's trust.

import NodeModel

/// What this node has seen of providers.
struct ExperienceBook: Sendable {
    private struct Entry: Sendable {
        var experience: Experience
        var score: Double
        var scoredAt: Int64
    }

    /// Providers that are remembered at most.
    static let capacity = 4_096
    /// A score is good for so many seconds: it fades by days.
    static let freshness: Int64 = 3_600
    /// Of a provider that nothing is known of.
    static let newcomer = Experience(at: 0).belief(now: 0).quantile(0.05)

    /// A score that others' words have part in.
    private struct Mixed: Sendable {
        var own: Experience?
        var others: Hearsay.Weighed
        var score: Double
        var scoredAt: Int64
    }

    private var entries: [PublicKey: Entry] = [:]
    private var mixed: [PublicKey: Mixed] = [:]

    init(_ known: [PublicKey: Experience] = [:]) {
        for (provider, experience) in known { keep(experience, of: provider, now: experience.at) }
    }

    /// Takes one more job in; gives what is known now.
    mutating func saw(_ provider: PublicKey, success: Bool, now: Int64) -> Experience {
        var experience = entries[provider]?.experience ?? Experience(at: now)
        experience.saw(success: success, now: now)
        keep(experience, of: provider, now: now)
        return experience
    }

    /// Takes a good job back: its answer was found wrong.
    mutating func corrected(_ provider: PublicKey, now: Int64) -> Experience {
        var experience = entries[provider]?.experience ?? Experience(at: now)
        experience.corrected(now: now)
        keep(experience, of: provider, now: now)
        return experience
    }

    /// The score of a provider, by own jobs and by what others said as much as they are trusted; nil when nothing is known of
    /// it.
    mutating func score(_ provider: PublicKey, with others: Hearsay.Weighed?, now: Int64) -> Double? {
        guard let others else { return score(provider, now: now) }
        let own = entries[provider]?.experience
        if let known = mixed[provider], known.own == own, known.others == others,
            now - known.scoredAt <= Self.freshness
        {
            return known.score
        }
        let score = (own ?? Experience(at: now)).score(now: now, with: others)
        if mixed.count >= Testimony.capacity, mixed[provider] == nil { mixed = [:] }
        mixed[provider] = Mixed(own: own, others: others, score: score, scoredAt: now)
        return score
    }

    /// The score of a provider by own jobs; nil when there were none.
    mutating func score(_ provider: PublicKey, now: Int64) -> Double? {
        guard let entry = entries[provider] else { return nil }
        if now - entry.scoredAt > Self.freshness { keep(entry.experience, of: provider, now: now) }
        return entries[provider]?.score
    }

    /// All that is known, as it counts now.
    func all(now: Int64) -> [PublicKey: Experience] {
        entries.mapValues { $0.experience.aged(to: now) }
    }

    /// When a provider was last used; nil when never.
    func last(_ provider: PublicKey) -> Int64? { entries[provider]?.experience.at }

    private mutating func keep(_ experience: Experience, of provider: PublicKey, now: Int64) {
        entries[provider] = Entry(experience: experience, score: experience.score(now: now), scoredAt: now)
        while entries.count > Self.capacity,
            let oldest = entries.min(by: { $0.value.experience.at < $1.value.experience.at })
        {
            entries[oldest.key] = nil
        }
    }
}
