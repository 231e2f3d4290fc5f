// What ledger-d is asked when a stranger buys an answer over HTTP by x402's `exact`: the payment is written down before the
// work, settled once, and ended. It must never carry a digest to be signed: nothing is signed here but this node's own
// transaction that brings the stranger's authorization to the token.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Writes down what a stranger pays for one job with. Refused with `payment_required`, and x402's `PAYMENT-REQUIRED`
    /// header as its cause, when nothing good came.
    public struct TakeSale: Request {
        public static let spec = MethodSpec(
            "ledger.take_sale", deadlineMs: 20_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Writes down a stranger's payment for one job, before the work.")
        public struct Reply: WireValue, Hashable {
            /// Whether the same payment was taken before, for a job that was not delivered.
            public var repeated: Bool
            public init(repeated: Bool) { self.repeated = repeated }
        }
        public var job: JobID
        public var asset: Asset
        /// What the job costs.
        public var amount: Int64
        /// What is paid for, as a URL.
        public var resource: String
        /// Of the request: what was paid for and not delivered can be asked for again, and nothing else.
        public var request: Digest
        /// Whether it is settled before the work.
        public var upfront: Bool
        /// What came with it, as x402's `PAYMENT-SIGNATURE` header.
        public var payment: String?
        /// Which process of aggregator-d is at it.
        public var process: Digest?
        /// The model that is asked, for who looks at the sales.
        public var model: String?
        public init(
            job: JobID, asset: Asset, amount: Int64, resource: String, request: Digest, upfront: Bool,
            payment: String? = nil, process: Digest? = nil, model: String? = nil
        ) {
            self.model = model
            self.process = process
            self.job = job
            self.asset = asset
            self.amount = amount
            self.resource = resource
            self.request = request
            self.upfront = upfront
            self.payment = payment
        }
        public static var example: (request: TakeSale, reply: Reply) {
            (
                TakeSale(
                    job: exampleBody.job, asset: exampleToken, amount: 1_280,
                    resource: "https://node.example/v1/chat/completions", request: Digest(hashing: ""),
                    upfront: false, payment: "eyJ4NDAyVmVyc2lvbiI6Mn0="),
                Reply(repeated: false)
            )
        }
    }

    /// Has a sale's payment carried to the chain, and waits until a block has it. Again is the same.
    public struct SettleSale: Request {
        public static let spec = MethodSpec(
            "ledger.settle_sale", deadlineMs: 90_000, idempotent: true,
            "Has a stranger's payment carried to the chain, and waits for a block that has it.")
        public struct Reply: WireValue, Hashable {
            /// Whether the money moved; when it did not, it never will.
            public var settled: Bool
            /// x402's `PAYMENT-RESPONSE` header.
            public var response: String
            public init(settled: Bool, response: String) {
                self.settled = settled
                self.response = response
            }
        }
        public var job: JobID
        public init(job: JobID) { self.job = job }
        public static var example: (request: SettleSale, reply: Reply) {
            (
                SettleSale(job: exampleBody.job),
                Reply(settled: true, response: "eyJzdWNjZXNzIjp0cnVlfQ==")
            )
        }
    }

    /// The job is over: its answer was delivered, or it was not and may be asked for again by the same payment.
    public struct EndSale: Request {
        public static let spec = MethodSpec(
            "ledger.end_sale", idempotent: true, "A stranger's job is over, delivered or not.")
        public typealias Reply = Done
        public var job: JobID
        public var delivered: Bool
        /// What the answer took, for who looks at the sales.
        public var usage: Usage?
        public init(job: JobID, delivered: Bool, usage: Usage? = nil) {
            self.usage = usage
            self.job = job
            self.delivered = delivered
        }
        public static var example: (request: EndSale, reply: Done) {
            (EndSale(job: exampleBody.job, delivered: true), Done())
        }
    }
}
