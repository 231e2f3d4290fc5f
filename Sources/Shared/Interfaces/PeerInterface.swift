// What one node asks another over WebSocket, after both have proved their keys. Same envelope as on Unix sockets.
// It must never carry a prompt or an answer in the clear.

public import NodeModel
public import Wire

/// The methods that nodes serve to each other; ws-d carries them, aggregator-d answers them. `DialBack` ws-d answers itself.
public enum PeerInterface {
    public static let methods: [MethodSpec] = [
        RunJob.spec, DeliverAcceptance.spec, Refund.spec, Credit.spec, Quote.spec, TopUp.spec, DialBack.spec,
    ]

    /// Runs a sealed job at the provider.
    public struct RunJob: StreamRequest {
        public static let spec = MethodSpec(
            "peer.run_job", deadlineMs: 600_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Runs a sealed job and streams its sealed answer.")
        /// The receipt, signed by the provider.
        public struct Reply: WireValue, Hashable {
            public var receipt: SignedEvent
            /// The provider's signature under the receipt's counterfoil, 128 hexadecimal characters: with it the client can
            /// tell others how the job went.
            public var counterfoil: String?
            public init(receipt: SignedEvent, counterfoil: String? = nil) {
                self.receipt = receipt
                self.counterfoil = counterfoil
            }
        }
        public typealias Event = ExecInterface.Run.Event

        public var job: JobID
        public var model: String
        /// The content that must run; the provider refuses when it has another under the name.
        public var modelRoot: ContentRoot
        public var payload: SealedPayload
        public var maxTokens: Int
        /// The prices that the client read on the card.
        public var unitPrice: UnitPrice
        /// What pays for it where test credits do not: x402's `PAYMENT-SIGNATURE` header, or on Lightning a credit note.
        public var payment: String?
        /// The provider's own quote for this job, where it costs money.
        public var quote: SignedEvent?
        enum CodingKeys: String, CodingKey {
            case job, model, payload, payment, quote
            case modelRoot = "model_root"
            case maxTokens = "max_tokens"
            case unitPrice = "unit_price"
        }
        public init(
            job: JobID, model: String, modelRoot: ContentRoot, payload: SealedPayload, maxTokens: Int,
            unitPrice: UnitPrice, payment: String? = nil, quote: SignedEvent? = nil
        ) {
            self.payment = payment
            self.quote = quote
            self.job = job
            self.model = model
            self.modelRoot = modelRoot
            self.payload = payload
            self.maxTokens = maxTokens
            self.unitPrice = unitPrice
        }
        public static var example: (request: RunJob, reply: Reply) {
            let body = LedgerInterface.exampleBody
            return (
                RunJob(
                    job: body.job, model: body.model, modelRoot: body.modelRoot,
                    payload: SealedPayload(
                        ciphertext: "AAAA", wrappedKey: "AgAAAA==", sender: LedgerInterface.exampleKey),
                    maxTokens: 64,
                    unitPrice: body.unitPrice),
                Reply(
                    receipt: LedgerInterface.exampleEvent, counterfoil: LedgerInterface.exampleEvent.sig)
            )
        }
        public static var eventExample: Event { Event(stage: .token, sequence: 0, text: "q83vEjRWeJA=") }
    }

    /// Gives the provider the client's acceptance of its receipt.
    public struct DeliverAcceptance: Request {
        public static let spec = MethodSpec(
            "peer.deliver_acceptance", deadlineMs: 10_000, "Gives the provider the client's acceptance.")
        public typealias Reply = Done
        public var bundle: ReceiptBundle
        public init(bundle: ReceiptBundle) { self.bundle = bundle }
        public static var example: (request: DeliverAcceptance, reply: Done) {
            (
                DeliverAcceptance(
                    bundle: ReceiptBundle(
                        receipt: LedgerInterface.exampleEvent, acceptance: LedgerInterface.exampleEvent)),
                Done()
            )
        }
    }

    /// Asks the provider for an invoice that buys credit, gives it the preimage of one that is held, or asks for credit back.
    public struct Credit: Request {
        public static let spec = MethodSpec(
            "peer.credit", deadlineMs: 20_000, idempotent: true,
            "Asks for an invoice that buys credit, or for credit back.")
        public typealias Reply = CreditAnswer
        /// Signed by the client (kind 7868).
        public var request: SignedEvent
        public init(request: SignedEvent) { self.request = request }
        public static var example: (request: Credit, reply: CreditAnswer) {
            (Credit(request: LedgerInterface.exampleEvent), .example)
        }
    }
}
