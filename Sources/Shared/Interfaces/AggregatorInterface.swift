// What aggregator-d answers: jobs from this node's people, jobs from other nodes, and the story of each.
// It must never be given another node's prompt in the clear; who buys over HTTP has given it so.

public import NodeModel
public import Wire

/// The methods of aggregator-d.
public enum AggregatorInterface {
    public static let methods: [MethodSpec] = [
        Submit.spec, Serve.spec, Accepted.spec, Jobs.spec, Job.spec, Receipt.spec, Models.spec, Plan.spec,
        Admit.spec, Status.spec, Reputation.spec, Publish.spec, Sell.spec, Sold.spec,
        AskRefund.spec, Refund.spec, Credit.spec, Quote.spec, TopUp.spec,
    ]

    /// A job's state. Every state carries a reason.
    public enum State: String, Codable, Sendable, CaseIterable {
        case received, planned, running, verifying, done, failed, cancelled
        public var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
    }

    /// Which side of the job this node was on.
    public enum Side: String, Codable, Sendable { case local, client, provider }

    /// A job as the journal knows it.
    public struct Record: WireValue, Hashable {
        public var job: JobID
        public var side: Side
        public var state: State
        public var reason: String
        public var fix: String?
        public var model: String
        /// The other node, for a job between two.
        public var peer: PublicKey?
        /// Unix milliseconds.
        public var createdAt: Int64
        public var updatedAt: Int64
        public var usage: Usage?
        public var timings: StageTimings?
        public var price: Int64?
        public var asset: Asset?
        /// The id of the quote that it was sent, or taken, on.
        public var quote: String?
        enum CodingKeys: String, CodingKey {
            case job, side, state, reason, fix, model, peer, usage, timings, price, asset, quote
            case createdAt = "created_at"
            case updatedAt = "updated_at"
        }
        public init(
            job: JobID, side: Side, state: State, reason: String, fix: String? = nil, model: String,
            peer: PublicKey? = nil, createdAt: Int64, updatedAt: Int64, usage: Usage? = nil,
            timings: StageTimings? = nil,
            price: Int64? = nil, asset: Asset? = nil, quote: String? = nil
        ) {
            self.quote = quote
            self.job = job
            self.side = side
            self.state = state
            self.reason = reason
            self.fix = fix
            self.model = model
            self.peer = peer
            self.createdAt = createdAt
            self.updatedAt = updatedAt
            self.usage = usage
            self.timings = timings
            self.price = price
            self.asset = asset
        }
        static var example: Record {
            let body = LedgerInterface.exampleBody
            return Record(
                job: body.job, side: .local, state: .done, reason: "answered and accepted", model: body.model,
                createdAt: 1_790_000_000_000, updatedAt: 1_790_000_001_000, usage: body.usage,
                timings: body.timings,
                price: body.price, asset: .testCredit)
        }
    }

    /// Runs a job for this node's people: here, or at the best provider found.
    public struct Submit: StreamRequest {
        public static let spec = MethodSpec(
            "aggregator.submit", deadlineMs: 600_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Runs a job here or at the best provider, and streams its answer.")
        public struct Reply: WireValue, Hashable {
            public var record: Record
            public var finish: FinishReason
            public var modelRoot: ContentRoot
            public var receipt: ReceiptBundle
            enum CodingKeys: String, CodingKey {
                case record, finish, receipt
                case modelRoot = "model_root"
            }
            public init(record: Record, finish: FinishReason, modelRoot: ContentRoot, receipt: ReceiptBundle)
            {
                self.record = record
                self.finish = finish
                self.modelRoot = modelRoot
                self.receipt = receipt
            }
        }
        /// A change of state in words, or a piece of the answer in the clear.
        public struct Event: WireValue, Hashable {
            public enum Stage: String, Codable, Sendable { case accepted, state, token, paid }
            public var stage: Stage
            public var sequence: UInt64
            /// The job's id for `accepted`, words for `state`, a piece of the answer for `token`;
            /// for `paid`, of a sale alone, the `PAYMENT-RESPONSE` header.
            public var text: String
            public init(stage: Stage, sequence: UInt64 = 0, text: String) {
                self.stage = stage
                self.sequence = sequence
                self.text = text
            }
            public func write(to writer: inout JSONWriter) throws {
                PieceCoding.write(stage: stage.rawValue, sequence: sequence, text: text, to: &writer)
            }
            public static func read(_ json: UnsafeRawBufferPointer) throws -> Event {
                let (stage, sequence, text, _) = try PieceCoding.read(json)
                guard let stage = Stage(rawValue: stage) else {
                    throw WireError(.invalidParams, "'stage' is not one that this build knows.")
                }
                return Event(stage: stage, sequence: sequence, text: text)
            }
        }
        public var request: InferenceRequest
        /// Only this provider, when set; this node itself when it is this node's key.
        public var provider: PublicKey?
        public init(request: InferenceRequest, provider: PublicKey? = nil) {
            self.request = request
            self.provider = provider
        }
        public static var example: (request: Submit, reply: Reply) {
            let request = InferenceRequest(
                model: "smollm2-135m-instruct", messages: [ChatMessage(role: "user", content: "Hello")])
            return (
                Submit(request: request),
                Reply(
                    record: .example, finish: .stop, modelRoot: LedgerInterface.exampleBody.modelRoot,
                    receipt: ReceiptBundle(receipt: LedgerInterface.exampleEvent, acceptance: nil))
            )
        }
        public static var eventExample: Event { Event(stage: .token, sequence: 0, text: "Hello") }
    }

    /// Runs a sealed job for another node, whose key ws-d has made sure of.
    public struct Serve: StreamRequest {
        public static let spec = MethodSpec(
            "aggregator.serve", deadlineMs: 600_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Runs a sealed job for another node.")
        public typealias Reply = PeerInterface.RunJob.Reply
        public typealias Event = PeerInterface.RunJob.Event
        public var peer: PublicKey
        public var job: PeerInterface.RunJob
        public init(peer: PublicKey, job: PeerInterface.RunJob) {
            self.peer = peer
            self.job = job
        }
        public static var example: (request: Serve, reply: Reply) {
            let (job, reply) = PeerInterface.RunJob.example
            return (Serve(peer: LedgerInterface.exampleKey, job: job), reply)
        }
        public static var eventExample: Event { PeerInterface.RunJob.eventExample }
    }

    /// Takes a client's acceptance of this node's receipt.
    public struct Accepted: Request {
        public static let spec = MethodSpec(
            "aggregator.accepted", deadlineMs: 10_000, "Takes a client's acceptance of this node's receipt.")
        public typealias Reply = Done
        public var peer: PublicKey
        public var bundle: ReceiptBundle
        public init(peer: PublicKey, bundle: ReceiptBundle) {
            self.peer = peer
            self.bundle = bundle
        }
        public static var example: (request: Accepted, reply: Done) {
            (
                Accepted(
                    peer: LedgerInterface.exampleKey,
                    bundle: PeerInterface.DeliverAcceptance.example.request.bundle),
                Done()
            )
        }
    }

    /// The last jobs, newest first.
    public struct Jobs: Request {
        // Who asks sees what was said before, and so may wait for a disk that others keep busy.
        public static let spec = MethodSpec(
            "aggregator.jobs", deadlineMs: 10_000, "The last jobs, newest first.")
        public struct Reply: WireValue, Hashable {
            public var jobs: [Record]
            public init(jobs: [Record]) { self.jobs = jobs }
        }
        public var limit: Int
        public init(limit: Int = 20) { self.limit = limit }
        public static var example: (request: Jobs, reply: Reply) { (Jobs(), Reply(jobs: [.example])) }
    }

    /// One job with every state it went through.
    public struct Job: Request {
        public static let spec = MethodSpec(
            "aggregator.job", deadlineMs: 10_000, "One job with every state it went through.")
        public struct Step: WireValue, Hashable {
            public var state: State
            public var reason: String
            /// Unix milliseconds.
            public var at: Int64
            public init(state: State, reason: String, at: Int64) {
                self.state = state
                self.reason = reason
                self.at = at
            }
        }
        public struct Reply: WireValue, Hashable {
            public var record: Record
            public var steps: [Step]
            public init(record: Record, steps: [Step]) {
                self.record = record
                self.steps = steps
            }
        }
        public var job: JobID
        public init(job: JobID) { self.job = job }
        public static var example: (request: Job, reply: Reply) {
            (
                Job(job: LedgerInterface.exampleBody.job),
                Reply(
                    record: .example,
                    steps: [Step(state: .received, reason: "from the API", at: 1_790_000_000_000)])
            )
        }
    }

    /// A job's receipt.
    public struct Receipt: Request {
        public static let spec = MethodSpec(
            "aggregator.receipt", deadlineMs: 10_000, "A job's receipt; without a job, the last one.")
        public typealias Reply = ReceiptBundle
        public var job: JobID?
        public init(job: JobID? = nil) { self.job = job }
        public static var example: (request: Receipt, reply: ReceiptBundle) {
            (
                Receipt(job: LedgerInterface.exampleBody.job),
                ReceiptBundle(receipt: LedgerInterface.exampleEvent, acceptance: nil)
            )
        }
    }

    /// What can be asked for: models here, and models of providers that were found.
    public struct Models: Request {
        public static let spec = MethodSpec("aggregator.models", deadlineMs: 5_000, "What can be asked for.")
        public struct Model: WireValue, Hashable {
            public var name: String
            public var root: ContentRoot
            /// Unix milliseconds.
            public var addedAt: Int64
            /// Tokens.
            public var context: Int?
            /// `local`, or how many providers were seen.
            public var local: Bool
            public var providers: Int
            /// This node's own for what is here; else the lowest that was seen in each asset, by the assets' names.
            public var prices: [UnitPrice]
            enum CodingKeys: String, CodingKey {
                case name, root, context, local, providers, prices
                case addedAt = "added_at"
            }
            public init(
                name: String, root: ContentRoot, addedAt: Int64, context: Int?, local: Bool, providers: Int,
                prices: [UnitPrice]
            ) {
                self.name = name
                self.root = root
                self.addedAt = addedAt
                self.context = context
                self.local = local
                self.providers = providers
                self.prices = prices
            }
        }
        public struct Reply: WireValue, Hashable {
            public var models: [Model]
            public init(models: [Model]) { self.models = models }
        }
        public init() {}
        public static var example: (request: Models, reply: Reply) {
            (
                Models(),
                Reply(models: [
                    Model(
                        name: "smollm2-135m-instruct", root: LedgerInterface.exampleBody.modelRoot,
                        addedAt: 1_790_000_000_000, context: 8192, local: true, providers: 0,
                        prices: [UnitPrice(prompt: 1, completion: 2)])
                ])
            )
        }
    }

    /// Says what would be done for a model, and why, without doing it.
    public struct Plan: Request {
        public static let spec = MethodSpec(
            "aggregator.plan", deadlineMs: 12_000, "Says what would be done, and why.")
        public struct Candidate: WireValue, Hashable {
            /// Nil for this node.
            public var provider: PublicKey?
            public var endpoint: String?
            public var chosen: Bool
            public var reason: String
            public init(provider: PublicKey?, endpoint: String?, chosen: Bool, reason: String) {
                self.provider = provider
                self.endpoint = endpoint
                self.chosen = chosen
                self.reason = reason
            }
        }
        public struct Reply: WireValue, Hashable {
            public var candidates: [Candidate]
            public var summary: String
            public init(candidates: [Candidate], summary: String) {
                self.candidates = candidates
                self.summary = summary
            }
        }
        public var model: String
        public init(model: String) { self.model = model }
        public static var example: (request: Plan, reply: Reply) {
            (
                Plan(model: "smollm2-135m-instruct"),
                Reply(
                    candidates: [
                        Candidate(provider: nil, endpoint: nil, chosen: true, reason: "the model is here")
                    ],
                    summary: "run here: the model is in this node's store")
            )
        }
    }
}
