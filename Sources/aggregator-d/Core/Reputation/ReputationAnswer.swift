// What a person is told of own experience with providers. It must never round a bad name up.

import Interfaces
import NodeModel

extension Workplace {
    /// The best first; of one provider also that nothing is known.
    func reputation(_ request: AggregatorInterface.Reputation) -> AggregatorInterface.Reputation.Reply {
        let now = clock.seconds
        let (known, last) = withExperience { book in
            let known = book.all(now: now)
            return (known, known.keys.reduce(into: [:]) { $0[$1] = book.last($1) })
        }
        let asked = request.provider.map { [$0: known[$0] ?? Experience(at: now)] } ?? known
        let standings = asked.map { provider, experience in
            let score = experience.score(now: now)
            return AggregatorInterface.Reputation.Standing(
                provider: provider, score: score, good: experience.good, bad: experience.bad,
                lastAt: last[provider], worth: Trust.worth(score, exploring: false))
        }
        let sorted = standings.sorted { ($1.score, $0.provider.hex) < ($0.score, $1.provider.hex) }
        return AggregatorInterface.Reputation.Reply(
            standings: Array(sorted.prefix(min(max(request.limit, 1), 500))))
    }
}
