// What ledger-d is told of a stranger's job before it runs: that this node takes it, and on which terms.
// It must never carry what was asked or answered: the ledger knows jobs by number and price.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Writes down that this node takes a client's job. Without it no content key is opened and no receipt signed.
    public struct TakeJob: Request {
        public static let spec = MethodSpec(
            "ledger.take_job", deadlineMs: 5_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Writes down that this node takes a client's job, on which terms.")
        public struct Reply: WireValue, Hashable {
            /// Whether the same job had been taken on the same terms before.
            public var repeated: Bool
            public init(repeated: Bool) { self.repeated = repeated }
        }
        /// This node's own quote, as it came with the job, and what it must be for.
        public struct Quoted: WireValue, Hashable {
            public var event: SignedEvent
            /// SHA-256 of the sealed request that came, in base64, and its length in bytes.
            public var payload: Digest
            public var size: Int
            public init(event: SignedEvent, payload: Digest, size: Int) {
                self.event = event
                self.payload = payload
                self.size = size
            }
        }
        public var job: JobID
        public var client: PublicKey
        public var modelRoot: ContentRoot
        public var unitPrice: UnitPrice
        /// The longest answer, in tokens.
        public var maxTokens: Int
        /// The most that the job may cost; absent for test credits.
        public var ceiling: Int64?
        /// What came with it, as x402's `PAYMENT-SIGNATURE` header.
        public var payment: String?
        /// Which process of aggregator-d is at it.
        public var process: Digest?
        /// Absent for test credits.
        public var quoted: Quoted?
        enum CodingKeys: String, CodingKey {
            case job, client, ceiling, payment, process, quoted
            case modelRoot = "model_root"
            case unitPrice = "unit_price"
            case maxTokens = "max_tokens"
        }
        public init(
            job: JobID, client: PublicKey, modelRoot: ContentRoot, unitPrice: UnitPrice, maxTokens: Int,
            ceiling: Int64? = nil, payment: String? = nil, process: Digest? = nil, quoted: Quoted? = nil
        ) {
            self.quoted = quoted
            self.process = process
            self.ceiling = ceiling
            self.payment = payment
            self.job = job
            self.client = client
            self.modelRoot = modelRoot
            self.unitPrice = unitPrice
            self.maxTokens = maxTokens
        }
        public static var example: (request: TakeJob, reply: Reply) {
            (
                TakeJob(
                    job: exampleBody.job, client: exampleKey, modelRoot: exampleBody.modelRoot,
                    unitPrice: exampleBody.unitPrice, maxTokens: 256),
                Reply(repeated: false)
            )
        }
    }

    /// aggregator-d has begun anew: no job that it was at before is under way any more. What such jobs were promised, or
    /// sold for, is free again.
    public struct Resume: Request {
        public static let spec = MethodSpec(
            "ledger.resume", deadlineMs: 30_000, maxRequestBytes: 1024 * 1024, idempotent: true,
            "Ends what was promised for jobs that died with aggregator-d.")
        public struct Reply: WireValue, Hashable {
            /// How many promises and sales ended.
            public var ended: Int
            public init(ended: Int) { self.ended = ended }
        }
        /// The new process, as it names itself with each job. What it has begun is not touched; all else has ended.
        public var process: Digest
        /// Jobs whose receipts are kept and will still be accepted.
        public var keep: [JobID]
        /// The most that `keep` may have.
        public static let mostKept = 20_000
        public init(process: Digest, keep: [JobID]) {
            self.process = process
            self.keep = keep
        }
        public static var example: (request: Resume, reply: Reply) {
            (Resume(process: Digest(hashing: ""), keep: [exampleBody.job]), Reply(ended: 2))
        }
    }
}
