// Whose word counts, and how much: trust goes out from this node's own good jobs and from the validators that its owner named,
// along "has worked well for", at most four steps. Whose words this node found wrong itself loses it. Pure.
// It must never give anything to who is not reached: a crowd of fresh keys stays at zero whatever it says, and all whom one
// provider vouches for have together no more than he has.

import NodeModel

/// How much the words of others count.
struct TrustWeb: Sendable {
    /// The trust of everybody who has any, from 0 to 1.
    let trust: [PublicKey: Double]

    /// Steps from this node, or from a validator, to the last one whose word counts.
    static let steps = 4
    /// What is left of trust after one step, shared out among all who are reached by it.
    static let passedOn = 0.5
    /// Good jobs after which somebody is trusted for all of his share: one job is soon done well.
    static let patience = 10.0

    /// - Parameters:
    ///   - own: this node's experience with providers.
    ///   - validators: keys whose words count fully.
    init(
        own: [PublicKey: Experience] = [:], validators: Set<PublicKey> = [],
        testimony: Testimony = Testimony(),
        now: Int64 = 0
    ) {
        var passed: [PublicKey: [(PublicKey, Double)]] = [:]
        var honesty = Honesty()
        for subject in testimony.subjects {
            let view = own[subject].flatMap { Self.view($0, now: now) }
            for (rater, word) in testimony.words(on: subject, now: now) {
                let worth = Self.worth(word.good, word.bad)
                if worth > 0 { passed[rater, default: []].append((subject, worth)) }
                if let view { honesty.saw(rater, isRight: (worth > 0) == view) }
            }
        }
        var total: [PublicKey: Double] = [:]
        // This node's own word is its experience, which counts by itself.
        let mine = own.map { ($0.key, Self.worth($0.value.aged(to: now).good, $0.value.aged(to: now).bad)) }
        var wave = Self.shared(mine.filter { $0.1 > 0 }, 1)
        for validator in validators { Self.add(Self.shared(passed[validator] ?? [], 1), to: &wave) }
        for step in 1...Self.steps {
            for key in wave.keys { wave[key]? *= honesty[key] }
            Self.add(wave, to: &total)
            guard step < Self.steps else { break }
            var next: [PublicKey: Double] = [:]
            for (key, amount) in wave { Self.add(Self.shared(passed[key] ?? [], amount), to: &next) }
            wave = next
        }
        // Whom the owner named, he believes.
        for validator in validators { total[validator] = 1 }
        trust = total.mapValues { min($0, 1) }
    }

    /// What this node knows of a provider itself: that he is good, or that he is not; nil when it does not know.
    private static func view(_ experience: Experience, now: Int64) -> Bool? {
        let score = experience.score(now: now)
        if Trust.hasFailed(score) { return false }
        return Trust.isProven(score) ? true : nil
    }

    /// How often somebody's words were what this node found itself. It only ever takes trust away: to be right is easy, where
    /// everybody can see it.
    private struct Honesty {
        private var counts: [PublicKey: (right: Double, wrong: Double)] = [:]

        mutating func saw(_ rater: PublicKey, isRight: Bool) {
            if isRight {
                counts[rater, default: (0, 0)].right += 1
            } else {
                counts[rater, default: (0, 0)].wrong += 1
            }
        }

        subscript(_ rater: PublicKey) -> Double {
            guard let (right, wrong) = counts[rater] else { return 1 }
            return (1 + right) / (1 + right + 4 * wrong)
        }
    }

    /// A failure counts as three successes, as in one's own experience.
    private static func worth(_ good: Double, _ bad: Double) -> Double {
        max(0, good - bad * Experience.weight.bad / Experience.weight.good)
    }

    private static func shared(_ to: [(PublicKey, Double)], _ amount: Double) -> [PublicKey: Double] {
        let sum = to.reduce(0) { $0 + $1.1 }
        guard sum > 0 else { return [:] }
        return Dictionary(
            to.map { ($0.0, amount * passedOn * $0.1 / sum * min(1, $0.1 / patience)) }, uniquingKeysWith: +)
    }

    private static func add(_ more: [PublicKey: Double], to sum: inout [PublicKey: Double]) {
        for (key, amount) in more { sum[key, default: 0] += amount }
    }
}
