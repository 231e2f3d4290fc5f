// An event that ws-d brings to a Nostr relay of the configuration, and the answer to it.
// It must never take an address from the caller: what is not on the list cannot be reached.

public import NodeModel
public import Wire

extension WSInterface {
    /// Publishes an event at a named relay and, where an answer is wanted, waits for it. What comes back is by whom it
    /// says it is, and no more: whether it is an answer is for the caller to judge.
    public struct Relay: Request {
        /// Which event is waited for: the first of this kind by this author that names the published one.
        public struct Answer: Codable, Hashable, Sendable {
            public var kind: Int
            public var author: PublicKey
            public init(kind: Int, author: PublicKey) {
                self.kind = kind
                self.author = author
            }
        }
        public static let spec = MethodSpec(
            "ws.relay", deadlineMs: 20_000, maxRequestBytes: 128 * 1024, idempotent: false,
            "Publishes an event at a relay of the allow-list, and waits for the answer to it.")
        public struct Reply: WireValue, Hashable {
            /// What the relay said to the event; nil when it said nothing.
            public var accepted: Bool?
            /// The relay's own words.
            public var words: String
            /// Nil when none came, or none was wanted.
            public var answer: SignedEvent?
            public init(accepted: Bool?, words: String, answer: SignedEvent?) {
                self.accepted = accepted
                self.words = words
                self.answer = answer
            }
        }
        /// As the configuration names it: `lightning/savings`.
        public var endpoint: String
        public var event: SignedEvent
        public var answer: Answer?
        public init(endpoint: String, event: SignedEvent, answer: Answer?) {
            self.endpoint = endpoint
            self.event = event
            self.answer = answer
        }
        public static var example: (request: Relay, reply: Reply) {
            let event = LedgerInterface.exampleEvent
            return (
                Relay(
                    endpoint: "lightning/savings", event: event,
                    answer: Answer(kind: EventKind.walletResponse, author: LedgerInterface.exampleKey)),
                Reply(accepted: true, words: "", answer: event)
            )
        }
    }
}
