// What this node thinks of other providers: by its own jobs, and by others' words as far as it trusts those who say them.
// It must never show a score without what it is made of, nor anybody else's word as this node's own.

public import NodeModel
public import Wire

extension AggregatorInterface {
    /// What is thought of providers, the best first.
    public struct Reputation: Request {
        public static let spec = MethodSpec(
            "aggregator.reputation", "What this node thinks of other providers, and why.")
        /// Jobs that went well, and that did not, as much as they count now.
        public struct Counts: WireValue, Hashable {
            public var good: Double
            public var bad: Double
            public init(good: Double, bad: Double) {
                self.good = good
                self.bad = bad
            }
        }
        /// What another client said of a provider.
        public struct Word: WireValue, Hashable {
            public var rater: PublicKey
            /// From 0 to 1: how much the word counts.
            public var trust: Double
            public var counts: Counts
            public init(rater: PublicKey, trust: Double, counts: Counts) {
                self.rater = rater
                self.trust = trust
                self.counts = counts
            }
        }
        /// How a provider's answers with one model are checked.
        public struct Checked: WireValue, Hashable {
            public var model: ContentRoot
            /// Answers that were found right in a row, as much as they count now.
            public var right: Double
            /// The share of answers that is checked, from 0 to 1.
            public var share: Double
            public init(model: ContentRoot, right: Double, share: Double) {
                self.model = model
                self.right = right
                self.share = share
            }
        }
        public struct Standing: WireValue, Hashable {
            public var provider: PublicKey
            /// The share of jobs that go well there at least, with 95 % certainty.
            public var score: Double
            /// Own jobs that went well, and that failed there, as much as they count now.
            public var good: Double
            public var bad: Double
            /// Others' jobs, each as much as its client is trusted.
            public var others: Counts
            /// Clients whose words count, and clients whose words count nothing.
            public var believed: Int
            public var ignored: Int
            /// Unix seconds of the last own one; absent when there was none.
            public var lastAt: Int64?
            /// Its price is divided by this when providers are compared.
            public var worth: Double
            /// By model; of a model that is not named nothing was checked yet, so that all of it is.
            public var checked: [Checked]
            /// When one provider is asked about: what others said of it, the most trusted first, 50 at most.
            public var words: [Word]?
            enum CodingKeys: String, CodingKey {
                case provider, score, good, bad, others, believed, ignored, worth, checked, words
                case lastAt = "last_at"
            }
            public init(
                provider: PublicKey, score: Double, good: Double, bad: Double, others: Counts, believed: Int,
                ignored: Int, lastAt: Int64?, worth: Double, checked: [Checked] = [], words: [Word]? = nil
            ) {
                self.provider = provider
                self.score = score
                self.good = good
                self.bad = bad
                self.others = others
                self.believed = believed
                self.ignored = ignored
                self.lastAt = lastAt
                self.worth = worth
                self.checked = checked
                self.words = words
            }
        }
        /// The score is the 5 % quantile of Beta(prior.good + own.good × own jobs + others.good × others' jobs, the same for bad).
        public struct Weights: WireValue, Hashable {
            public var prior: Counts
            public var own: Counts
            public var others: Counts
            public init(prior: Counts, own: Counts, others: Counts) {
                self.prior = prior
                self.own = own
                self.others = others
            }
        }
        public struct Reply: WireValue, Hashable {
            public var standings: [Standing]
            public var weights: Weights
            public init(standings: [Standing], weights: Weights) {
                self.standings = standings
                self.weights = weights
            }
        }
        /// Only this provider, also when nothing is known of it.
        public var provider: PublicKey?
        /// 1 to 500.
        public var limit: Int
        public init(provider: PublicKey? = nil, limit: Int = 50) {
            self.provider = provider
            self.limit = limit
        }
        public static var example: (request: Reputation, reply: Reply) {
            let word = Word(
                rater: LedgerInterface.exampleKey, trust: 0.25, counts: Counts(good: 2, bad: 0.5))
            return (
                Reputation(),
                Reply(
                    standings: [
                        Standing(
                            provider: LedgerInterface.exampleKey, score: 0.75, good: 2.5, bad: 0.25,
                            others: Counts(good: 0.5, bad: 0.125), believed: 1, ignored: 3,
                            lastAt: 1_790_000_000, worth: 0.75,
                            checked: [Checked(model: Digest(hashing: ""), right: 16, share: 0.0625)],
                            words: [word])
                    ],
                    weights: Weights(
                        prior: Counts(good: 1, bad: 2), own: Counts(good: 5, bad: 15),
                        others: Counts(good: 1, bad: 3)))
            )
        }
    }
}
