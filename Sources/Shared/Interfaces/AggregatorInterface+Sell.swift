// What ws-d asks when a stranger buys an answer over HTTP: the price is made here, the money is ledger-d's.
// It must never begin the work before ledger-d has the payment written down.

public import NodeModel
public import Wire

extension AggregatorInterface {
    /// Runs a job of a stranger on this node, for what came with it. Refused with `payment_required`, and x402's
    /// `PAYMENT-REQUIRED` header as its cause, when nothing good came.
    public struct Sell: StreamRequest {
        public static let spec = MethodSpec(
            "aggregator.sell", deadlineMs: 700_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Runs a stranger's job on this node for money, and streams its answer.")
        public struct Reply: WireValue, Hashable {
            public var job: JobID
            /// Whether the money moved. When it did not, the answer is not to be given.
            public var settled: Bool
            /// x402's `PAYMENT-RESPONSE` header.
            public var response: String
            /// Absent when nothing was done.
            public var finish: FinishReason?
            public var usage: Usage?
            public init(
                job: JobID, settled: Bool, response: String, finish: FinishReason? = nil, usage: Usage? = nil
            ) {
                self.job = job
                self.settled = settled
                self.response = response
                self.finish = finish
                self.usage = usage
            }
        }
        /// Besides what `Submit` has: `paid`, with the `PAYMENT-RESPONSE` header, before the first piece of a stream.
        public typealias Event = Submit.Event
        public var request: InferenceRequest
        /// Whether the answer leaves while it is made; then it is paid before.
        public var stream: Bool
        /// What is paid for, as a URL.
        public var resource: String
        /// x402's `PAYMENT-SIGNATURE` header, when there was one.
        public var payment: String?
        public init(request: InferenceRequest, stream: Bool, resource: String, payment: String?) {
            self.request = request
            self.stream = stream
            self.resource = resource
            self.payment = payment
        }
        public static var example: (request: Sell, reply: Reply) {
            (
                Sell(
                    request: Submit.example.request.request, stream: true,
                    resource: "https://node.example/v1/chat/completions", payment: nil),
                Reply(
                    job: LedgerInterface.exampleBody.job, settled: true, response: "eyJzdWNjZXNzIjp0cnVlfQ==",
                    finish: .stop, usage: LedgerInterface.exampleBody.usage)
            )
        }
        public static var eventExample: Event { Event(stage: .paid, text: "eyJzdWNjZXNzIjp0cnVlfQ==") }
    }

    /// A sold answer has left whole: its payment is used up.
    public struct Sold: Request {
        public static let spec = MethodSpec(
            "aggregator.sold", deadlineMs: 10_000, idempotent: true, "A sold answer has left whole.")
        public typealias Reply = Done
        public var job: JobID
        public init(job: JobID) { self.job = job }
        public static var example: (request: Sold, reply: Done) {
            (Sold(job: LedgerInterface.exampleBody.job), Done())
        }
    }
}
