// What a person is told of providers' reputations, and what they are made of. It must never round a bad name up.

import Interfaces
import NodeModel

extension Workplace {
    private typealias Reputation = AggregatorInterface.Reputation

    /// Words of others that are shown of one provider.
    private static let mostWords = 50

    /// The best first; of one provider also that nothing is known.
    func reputation(_ request: AggregatorInterface.Reputation) -> AggregatorInterface.Reputation.Reply {
        let now = clock.seconds
        let (known, last) = withExperience { book in
            let known = book.all(now: now)
            return (known, known.keys.reduce(into: [:]) { $0[$1] = book.last($1) })
        }
        let spoken = withHearsay { $0.believedSubjects }
        let asked = request.provider.map { [$0] } ?? Array(Set(known.keys).union(spoken))
        let standings = asked.map { provider in
            let own = known[provider] ?? Experience(at: now)
            let (others, words) = withHearsay { hearsay in
                (hearsay.all(on: provider), request.provider.map { hearsay.words(on: $0, now: now) })
            }
            let score = own.score(now: now, with: others)
            return Reputation.Standing(
                provider: provider, score: score, good: own.good, bad: own.bad,
                others: Reputation.Counts(good: others.good, bad: others.bad), believed: others.believed,
                ignored: others.ignored, lastAt: last[provider], worth: Trust.worth(score, exploring: false),
                checked: checked(provider, score: score, now: now),
                words: words?.prefix(Self.mostWords).map { each in
                    Reputation.Word(
                        rater: each.rater, trust: each.trust,
                        counts: Reputation.Counts(good: each.word.good, bad: each.word.bad))
                })
        }
        let sorted = standings.sorted { ($1.score, $0.provider.hex) < ($0.score, $1.provider.hex) }
        return Reputation.Reply(
            standings: Array(sorted.prefix(min(max(request.limit, 1), 500))), weights: Self.weights)
    }

    /// How often the answers of a provider are checked, by model.
    private func checked(_ provider: PublicKey, score: Double, now: Int64) -> [Reputation.Checked] {
        let rates = withRates { $0.rates.filter { $0.key.provider == provider } }
        return rates.map { key, rate in
            Reputation.Checked(
                model: key.model, right: rate.present(now), share: rate.share(score: score, now: now))
        }.sorted { $0.model.hex < $1.model.hex }
    }

    /// The numbers of `Experience`, for who explains a score.
    private static var weights: Reputation.Weights {
        func counts(_ pair: (good: Double, bad: Double)) -> Reputation.Counts {
            Reputation.Counts(good: pair.good, bad: pair.bad)
        }
        return Reputation.Weights(
            prior: counts(Experience.prior), own: counts(Experience.weight),
            others: counts(Experience.othersWeight))
    }
}
