// What ledger-d does for a job of this node on its own engine: receipt, acceptance and booking at once, and finding them again.
// It must never be for a job in which anybody else has a part: there each side signs for itself.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Signs the receipt of this node's own job and its acceptance, and books it, in one transaction. Happens once per job.
    public struct BookOwn: Request {
        public static let spec = MethodSpec(
            "ledger.book_own", deadlineMs: 5_000, idempotent: true,
            "Signs, accepts and books a job of this node on its own engine, at once.")
        public struct Reply: WireValue, Hashable {
            /// With both signatures.
            public var bundle: ReceiptBundle
            /// Whether the same job had been booked before.
            public var repeated: Bool
            public init(bundle: ReceiptBundle, repeated: Bool) {
                self.bundle = bundle
                self.repeated = repeated
            }
        }
        /// Its provider and its client are this node.
        public var body: ReceiptBody
        public init(body: ReceiptBody) { self.body = body }
        public static var example: (request: BookOwn, reply: Reply) {
            (
                BookOwn(body: exampleBody),
                Reply(
                    bundle: ReceiptBundle(receipt: exampleEvent, acceptance: exampleEvent), repeated: false)
            )
        }
    }

    /// What was booked of this node's own jobs, for an asker that died before it heard.
    public struct FindOwn: Request {
        public static let spec = MethodSpec(
            "ledger.find_own", deadlineMs: 2_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Receipts and acceptances of those of these own jobs that are booked.")
        /// The most jobs of one question.
        public static let most = 64
        public struct Reply: WireValue, Hashable {
            /// Of those that are booked, in the order of the question.
            public var bundles: [ReceiptBundle]
            public init(bundles: [ReceiptBundle]) { self.bundles = bundles }
        }
        public var jobs: [JobID]
        public init(jobs: [JobID]) { self.jobs = jobs }
        public static var example: (request: FindOwn, reply: Reply) {
            (
                FindOwn(jobs: [exampleBody.job]),
                Reply(bundles: [ReceiptBundle(receipt: exampleEvent, acceptance: exampleEvent)])
            )
        }
    }
}
