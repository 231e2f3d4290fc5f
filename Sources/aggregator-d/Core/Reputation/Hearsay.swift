// Others' words on providers, weighed: what they add to this node's own experience. Pure: time is given.
// It must never let others' words weigh as much as one's own: a job of one's own counts five times the fullest trust.

import NodeModel

/// What others' words come to.
struct Hearsay: Sendable {
    /// What was said of one provider, each word as much as its speaker is trusted.
    struct Weighed: Hashable, Sendable {
        var good = 0.0
        var bad = 0.0
        /// Whether one of the validators speaks ill of it.
        var isWarnedOf = false
        /// How many were believed at all, and how many were not.
        var believed = 0
        var ignored = 0
    }

    /// One client's word on a provider and what it counts.
    struct Word: Hashable, Sendable {
        var rater: PublicKey
        var trust: Double
        var word: Testimony.Word
    }

    /// What all others together add at most, good and bad: those for whom one's own jobs went well may be of one hand. The
    /// validators' words are counted besides.
    static let mostOfPeers = 4.0

    private(set) var testimony = Testimony()
    private(set) var web = TrustWeb()
    private var weighed: [PublicKey: Weighed] = [:]
    private let validators: Set<PublicKey>
    /// When `weigh` was last called, in Unix seconds.
    private(set) var weighedAt: Int64 = 0

    /// - Parameter validators: keys whose words count fully.
    init(validators: Set<PublicKey> = []) { self.validators = validators }

    /// Takes in what was gathered on a provider; `weigh` makes it count. What this node said itself does not belong here: it
    /// is its experience already.
    mutating func heard(_ evidence: [Evidence], on subject: PublicKey, now: Int64) {
        testimony.heard(evidence, on: subject, now: now)
    }

    /// Works out anew whom to trust, and what all that was said comes to.
    mutating func weigh(_ experience: [PublicKey: Experience], now: Int64) {
        web = TrustWeb(own: experience, validators: validators, testimony: testimony, now: now)
        weighed = [:]
        weighedAt = now
        for subject in testimony.subjects {
            var sum = Weighed()
            var named = (good: 0.0, bad: 0.0)
            for each in words(on: subject, now: now) {
                guard each.trust > 0 else {
                    sum.ignored += 1
                    continue
                }
                sum.believed += 1
                if validators.contains(each.rater) {
                    named.good += each.word.good
                    named.bad += each.word.bad
                } else {
                    sum.good += each.trust * each.word.good
                    sum.bad += each.trust * each.word.bad
                }
            }
            sum.good = min(sum.good, Self.mostOfPeers) + named.good
            sum.bad = min(sum.bad, Self.mostOfPeers) + named.bad
            sum.isWarnedOf = named.bad > 0
            weighed[subject] = sum
        }
    }

    /// What others' words on a provider come to; nil when none of them counts.
    subscript(_ subject: PublicKey) -> Weighed? {
        weighed[subject].flatMap { $0.believed > 0 ? $0 : nil }
    }

    /// The providers on whom somebody is believed.
    var believedSubjects: [PublicKey] { weighed.filter { $0.value.believed > 0 }.map(\.key) }

    /// The same, also when nobody is believed.
    func all(on subject: PublicKey) -> Weighed { weighed[subject] ?? Weighed() }

    /// Every client's word on a provider, the most trusted first.
    func words(on subject: PublicKey, now: Int64) -> [Word] {
        testimony.words(on: subject, now: now).map {
            Word(rater: $0.key, trust: web.trust[$0.key] ?? 0, word: $0.value)
        }.sorted {
            $0.trust != $1.trust
                ? $0.trust > $1.trust : $0.rater.bytes.lexicographicallyPrecedes($1.rater.bytes)
        }
    }
}
