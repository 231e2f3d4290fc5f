// Asking providers directly how they are now, before a job goes to one of them.
// It must never be answered from memory: each status is signed over a challenge that was just drawn.

public import NodeModel
public import Wire

extension DHTInterface {
    /// Asks a provider's own node for all that it says of itself.
    public struct Describe: Request {
        public static let spec = MethodSpec(
            "dht.describe", deadlineMs: 8_000, "Asks a provider's own node for its descriptor.")
        public struct Reply: WireValue, Hashable {
            /// Signed by the provider; nil when there is none.
            public var descriptor: SignedEvent?
            /// Why there is none.
            public var problem: String?
            public init(descriptor: SignedEvent? = nil, problem: String? = nil) {
                self.descriptor = descriptor
                self.problem = problem
            }
        }
        public var provider: PublicKey
        /// `a.b.c.d:port` or `[IPv6]:port`, as on its card.
        public var address: String
        public init(provider: PublicKey, address: String) {
            self.provider = provider
            self.address = address
        }
        public static var example: (request: Describe, reply: Reply) {
            (
                Describe(provider: LedgerInterface.exampleKey, address: "127.0.0.3:9203"),
                Reply(descriptor: LedgerInterface.exampleEvent)
            )
        }
    }

    /// Asks providers how they are, all at once, and waits little more than half a second.
    public struct Probe: Request {
        public static let spec = MethodSpec(
            "dht.probe", deadlineMs: 3_000, "Asks providers how they are now.")
        public struct Target: WireValue, Hashable {
            public var provider: PublicKey
            /// `a.b.c.d:port` or `[IPv6]:port`, as on its card.
            public var address: String
            public init(provider: PublicKey, address: String) {
                self.provider = provider
                self.address = address
            }
        }
        public struct Answer: WireValue, Hashable {
            public var provider: PublicKey
            /// Signed by the provider over a challenge that was drawn for this question; nil when there is none.
            public var status: SignedEvent?
            /// The round trip, when there is a status.
            public var milliseconds: Int?
            /// Why there is no status.
            public var problem: String?
            /// Whether it answered, but did not say how it is: it is there.
            public var refused: Bool?
            public init(
                provider: PublicKey, status: SignedEvent? = nil, milliseconds: Int? = nil,
                problem: String? = nil, refused: Bool? = nil
            ) {
                self.provider = provider
                self.status = status
                self.milliseconds = milliseconds
                self.problem = problem
                self.refused = refused
            }
        }
        public struct Reply: WireValue, Hashable {
            /// In the order of the targets.
            public var answers: [Answer]
            public init(answers: [Answer]) { self.answers = answers }
        }
        /// At most 16.
        public var targets: [Target]
        public init(targets: [Target]) { self.targets = targets }
        public static var example: (request: Probe, reply: Reply) {
            let key = LedgerInterface.exampleKey
            return (
                Probe(targets: [Target(provider: key, address: "127.0.0.3:9203")]),
                Reply(answers: [
                    Answer(provider: key, status: LedgerInterface.exampleEvent, milliseconds: 31),
                    Answer(provider: key, problem: "no answer"),
                ])
            )
        }
    }
}
