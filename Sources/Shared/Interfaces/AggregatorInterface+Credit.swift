// A client's request about its credit, as ws-d brings it in.
// It must never be answered for another node than the one that connected.

public import NodeModel
public import Wire

extension AggregatorInterface {
    /// Answers a client's signed request about its credit.
    public struct Credit: Request {
        public static let spec = MethodSpec(
            "aggregator.credit", deadlineMs: 18_000, "Answers a client's signed request about its credit.")
        public typealias Reply = CreditAnswer
        public var peer: PublicKey
        public var request: SignedEvent
        public init(peer: PublicKey, request: SignedEvent) {
            self.peer = peer
            self.request = request
        }
        public static var example: (request: Credit, reply: CreditAnswer) {
            (Credit(peer: LedgerInterface.exampleKey, request: LedgerInterface.exampleEvent), .example)
        }
    }
}
