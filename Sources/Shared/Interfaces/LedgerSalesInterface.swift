// What strangers bought over HTTP, sale by sale: for what, for how much, how far its payment is, and what comes next.
// It must never say "settled" before the final block has the payment, nor tell what was asked or answered.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// One authorization of a stranger, and what became of it.
    public struct Sale: WireValue, Hashable {
        public enum State: String, Codable, Sendable {
            /// Its payment is written down, and was not carried yet.
            case taken
            /// It is on its way to the chain, or to the final block.
            case carried
            /// The final block has it.
            case settled
            /// It ran out unused.
            case failed
        }
        /// What was done for it last.
        public var job: JobID
        public var model: String?
        /// What that took, where an answer was delivered.
        public var promptTokens: Int64?
        public var completionTokens: Int64?
        public var asset: Asset
        /// In the asset's smallest unit.
        public var amount: Int64
        /// The payer's account.
        public var buyer: String
        /// Unix milliseconds.
        public var at: Int64
        public var state: State
        public var delivered: Bool
        public var reason: String
        /// What comes next; nil when it is over.
        public var next: String?
        /// The transaction that moved the money, when one is known.
        public var transaction: String?
        /// When the final block had it; Unix milliseconds.
        public var settledAt: Int64?
        enum CodingKeys: String, CodingKey {
            case job, model, asset, amount, buyer, at, state, delivered, reason, next, transaction
            case promptTokens = "prompt_tokens"
            case completionTokens = "completion_tokens"
            case settledAt = "settled_at"
        }
        public init(
            job: JobID, model: String?, promptTokens: Int64?, completionTokens: Int64?, asset: Asset,
            amount: Int64, buyer: String, at: Int64, state: State, delivered: Bool, reason: String,
            next: String?, transaction: String?, settledAt: Int64?
        ) {
            self.job = job
            self.model = model
            self.promptTokens = promptTokens
            self.completionTokens = completionTokens
            self.asset = asset
            self.amount = amount
            self.buyer = buyer
            self.at = at
            self.state = state
            self.delivered = delivered
            self.reason = reason
            self.next = next
            self.transaction = transaction
            self.settledAt = settledAt
        }
    }

    static var exampleSale: Sale {
        Sale(
            job: exampleBody.job, model: exampleBody.model, promptTokens: 30, completionTokens: 12,
            asset: exampleToken, amount: 1_280, buyer: examplePayTo.address, at: 1_790_000_000_000,
            state: .carried, delivered: true, reason: "in block 104, which is not final yet",
            next: "the final block", transaction: "0x" + Digest(hashing: "").hex, settledAt: nil)
    }

    /// What strangers bought, newest first.
    public struct Sales: Request {
        public static let spec = MethodSpec(
            "ledger.sales", deadlineMs: 10_000, idempotent: true,
            "What strangers bought over HTTP, newest first.")
        public struct Reply: WireValue, Hashable {
            public var sales: [Sale]
            public init(sales: [Sale]) { self.sales = sales }
        }
        /// From 1 to 1,000.
        public var limit: Int
        public init(limit: Int = 20) { self.limit = limit }
        public static var example: (request: Sales, reply: Reply) {
            (Sales(limit: 1), Reply(sales: [exampleSale]))
        }
    }
}
