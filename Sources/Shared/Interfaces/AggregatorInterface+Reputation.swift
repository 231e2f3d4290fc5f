// What this node has seen of other providers itself, and what it makes of it.
// It must never show anybody else's opinion as this node's own.

public import NodeModel
public import Wire

extension AggregatorInterface {
    /// Own experience with providers, the best first.
    public struct Reputation: Request {
        public static let spec = MethodSpec(
            "aggregator.reputation", "What this node has seen of other providers itself.")
        public struct Standing: WireValue, Hashable {
            public var provider: PublicKey
            /// The share of jobs that go well there at least, with 95 % certainty.
            public var score: Double
            /// Jobs that went well, and that failed there, as much as they count now.
            public var good: Double
            public var bad: Double
            /// Unix seconds of the last one; absent when nothing is known.
            public var lastAt: Int64?
            /// Its price is divided by this when providers are compared.
            public var worth: Double
            enum CodingKeys: String, CodingKey {
                case provider, score, good, bad, worth
                case lastAt = "last_at"
            }
            public init(
                provider: PublicKey, score: Double, good: Double, bad: Double, lastAt: Int64?, worth: Double
            ) {
                self.provider = provider
                self.score = score
                self.good = good
                self.bad = bad
                self.lastAt = lastAt
                self.worth = worth
            }
        }
        public struct Reply: WireValue, Hashable {
            public var standings: [Standing]
            public init(standings: [Standing]) { self.standings = standings }
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
            (
                Reputation(),
                Reply(standings: [
                    Standing(
                        provider: LedgerInterface.exampleKey, score: 0.75, good: 2.5, bad: 0.25,
                        lastAt: 1_790_000_000, worth: 0.75)
                ])
            )
        }
    }
}
