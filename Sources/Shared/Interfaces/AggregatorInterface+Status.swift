// How this node's provider is now, signed for whoever asked over the DHT.
// It must never tell more than a stranger may know: slots and jobs, not whose.

public import NodeModel
public import Wire

extension AggregatorInterface {
    /// How this node is as a provider, signed over a stranger's challenge.
    public struct Status: Request {
        public static let spec = MethodSpec(
            "aggregator.status", deadlineMs: 1_500,
            "This node's status as a provider, signed over a challenge.")
        public typealias Reply = SignedEvent
        /// 16 hexadecimal characters.
        public var challenge: String
        public init(challenge: String) { self.challenge = challenge }
        public static var example: (request: Status, reply: SignedEvent) {
            (Status(challenge: "0123456789abcdef"), LedgerInterface.exampleEvent)
        }
    }
}
