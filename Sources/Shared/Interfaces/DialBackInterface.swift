// Whether others can reach this node: another node tries, and says what came of it.
// It must never have a node dialled at an address that the asker does not come from.

public import NodeModel
public import Wire

/// What came of a call back.
public enum DialBackOutcome: String, Codable, Hashable, Sendable {
    /// The asker answered, and proved its key.
    case reached
    /// No connection: refused, or no way there.
    case noConnection = "no_connection"
    /// Nothing came, or no proof did, before the time was over.
    case noAnswer = "no_answer"
    /// Something answers that is no node.
    case noNode = "no_node"
    /// A node with another key answers.
    case otherKey = "other_key"
    /// Nobody was dialled: local addresses are not called by a node that is not at one itself.
    case notDialled = "not_dialled"
}

/// What another node did and got.
public struct DialBackReport: WireValue, Hashable {
    public var outcome: DialBackOutcome
    /// Where the asker was seen, and dialled, as `host:port`: its own address as seen there, and its endpoint's port.
    public var dialled: String
    public init(outcome: DialBackOutcome, dialled: String) {
        self.outcome = outcome
        self.dialled = dialled
    }
}

extension PeerInterface {
    /// Asks to be dialled back, at the address that this session comes from and the port of this endpoint.
    public struct DialBack: Request {
        public static let spec = MethodSpec(
            "peer.dial_back", deadlineMs: 8_000, maxRequestBytes: 1_024, idempotent: true,
            "Asks to be dialled back at one's own address.")
        public typealias Reply = DialBackReport
        /// As on the asker's card; both proofs are bound to it.
        public var endpoint: String
        public init(endpoint: String) { self.endpoint = endpoint }
        public static var example: (request: DialBack, reply: DialBackReport) {
            (
                DialBack(endpoint: "ws://127.0.0.2:9102/peer"),
                DialBackReport(outcome: .reached, dialled: "127.0.0.2:9102")
            )
        }
    }
}

extension WSInterface {
    /// Has other nodes dial this one back: those that it has dialled already, then these.
    public struct DialBack: Request {
        public static let spec = MethodSpec(
            "ws.dial_back", deadlineMs: 15_000, "Has other nodes dial this one back.")
        /// The most that are asked at once.
        public static let most = 3
        /// A node that may be asked, as its card names it.
        public struct Candidate: WireValue, Hashable {
            public var provider: PublicKey
            public var endpoint: String
            public init(provider: PublicKey, endpoint: String) {
                self.provider = provider
                self.endpoint = endpoint
            }
        }
        /// What one node did, or why it did nothing.
        public struct Answer: WireValue, Hashable {
            public var provider: PublicKey
            public var report: DialBackReport?
            public var problem: String?
            public init(provider: PublicKey, report: DialBackReport? = nil, problem: String? = nil) {
                self.provider = provider
                self.report = report
                self.problem = problem
            }
        }
        public struct Reply: WireValue, Hashable {
            /// The endpoint that was to be tried; empty when this node announces none.
            public var endpoint: String
            public var answers: [Answer]
            public init(endpoint: String, answers: [Answer]) {
                self.endpoint = endpoint
                self.answers = answers
            }
        }
        public var candidates: [Candidate]
        public init(candidates: [Candidate]) { self.candidates = candidates }
        public static var example: (request: DialBack, reply: Reply) {
            let key = LedgerInterface.exampleKey
            return (
                DialBack(candidates: [Candidate(provider: key, endpoint: "ws://127.0.0.3:9103/peer")]),
                Reply(
                    endpoint: "ws://127.0.0.2:9102/peer",
                    answers: [
                        Answer(
                            provider: key,
                            report: DialBackReport(outcome: .noConnection, dialled: "127.0.0.2:9102")),
                        Answer(provider: key, problem: "it cannot be reached"),
                    ])
            )
        }
    }
}
