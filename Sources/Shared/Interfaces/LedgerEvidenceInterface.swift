// What ledger-d signs so that others can hear of a job: the provider's counterfoil, and the client's word on it.
// It must never sign a word on work that no provider has signed for, nor one on this node itself.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Signs the counterfoil of a receipt that this node has issued.
    public struct SignCounterfoil: Request {
        public static let spec = MethodSpec(
            "ledger.sign_counterfoil", "Signs the part of a receipt of this node that may be published.")
        public struct Reply: WireValue, Hashable {
            /// 128 hexadecimal characters; the counterfoil itself follows from the receipt.
            public var signature: String
            public init(signature: String) { self.signature = signature }
        }
        public var receipt: SignedEvent
        public init(receipt: SignedEvent) { self.receipt = receipt }
        public static var example: (request: SignCounterfoil, reply: Reply) {
            (SignCounterfoil(receipt: exampleEvent), Reply(signature: exampleEvent.sig))
        }
    }

    /// Signs this node's word on a job that a provider did for it.
    public struct SignEvidence: Request {
        public static let spec = MethodSpec(
            "ledger.sign_evidence", deadlineMs: 5_000, "Signs this node's word on a provider's work.")
        public typealias Reply = SignedEvent
        /// The provider's receipt; accepted by this ledger for `ok`.
        public var receipt: SignedEvent
        /// The provider's signature under the counterfoil, 128 hexadecimal characters.
        public var counterfoil: String
        public var outcome: Evidence.Outcome
        public init(receipt: SignedEvent, counterfoil: String, outcome: Evidence.Outcome) {
            self.receipt = receipt
            self.counterfoil = counterfoil
            self.outcome = outcome
        }
        public static var example: (request: SignEvidence, reply: SignedEvent) {
            (
                SignEvidence(receipt: exampleEvent, counterfoil: exampleEvent.sig, outcome: .ok),
                exampleEvent
            )
        }
    }
}
