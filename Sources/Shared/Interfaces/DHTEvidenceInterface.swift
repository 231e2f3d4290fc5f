// Evidence in the network: giving one's own, and hearing what others say of a provider.
// It must never vouch for what it hands out beyond the two signatures: what a stranger's word is worth is for who asks.

public import NodeModel
public import Wire

extension DHTInterface {
    /// Brings a piece of evidence to the nodes nearest to its subject's key.
    public struct Testify: Request {
        public static let spec = MethodSpec(
            "dht.testify", deadlineMs: 15_000, "Brings evidence to those who hold it.")
        public struct Reply: WireValue, Hashable {
            /// Other nodes that took it.
            public var holders: Int
            /// Why nodes refused, as "429 no room: 2".
            public var refusals: [String]
            public init(holders: Int, refusals: [String]) {
                self.holders = holders
                self.refusals = refusals
            }
        }
        public var evidence: SignedEvent
        public init(evidence: SignedEvent) { self.evidence = evidence }
        public static var example: (request: Testify, reply: Reply) {
            (
                Testify(evidence: LedgerInterface.exampleEvent),
                Reply(holders: 7, refusals: ["429 no room for more evidence: 1"])
            )
        }
    }

    /// What is said of a provider.
    public struct Testimony: Request {
        public static let spec = MethodSpec(
            "dht.testimony", deadlineMs: 20_000, "Gathers the evidence on a provider.")
        public struct Reply: WireValue, Hashable {
            /// Both signatures checked, the newest first.
            public var evidence: [SignedEvent]
            /// Other nodes that were compared with.
            public var holders: Int
            public init(evidence: [SignedEvent], holders: Int) {
                self.evidence = evidence
                self.holders = holders
            }
        }
        public var provider: PublicKey
        public init(provider: PublicKey) { self.provider = provider }
        public static var example: (request: Testimony, reply: Reply) {
            (
                Testimony(provider: LedgerInterface.exampleKey),
                Reply(evidence: [LedgerInterface.exampleEvent], holders: 3)
            )
        }
    }
}
