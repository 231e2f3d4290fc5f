// What ledger-d is asked about payment channels: to open one, to promise a job's price, to take a promise back.
// It must never carry a voucher to be signed: job, provider and amount are said, ledger-d builds the rest.

public import NodeModel
public import Wire

extension LedgerInterface {
    static var examplePayTo: PayTo {
        PayTo(address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", withdrawDelay: 86_400)
    }

    /// Where this node is paid in an asset, for its card.
    public struct PayTerms: Request {
        public static let spec = MethodSpec("ledger.pay_terms", "Where this node is paid in an asset.")
        public struct Reply: WireValue, Hashable {
            /// Nothing on Lightning, where clients are given invoices.
            public var payTo: PayTo?
            enum CodingKeys: String, CodingKey { case payTo = "pay_to" }
            public init(payTo: PayTo?) { self.payTo = payTo }
        }
        public var asset: Asset
        public init(asset: Asset) { self.asset = asset }
        public static var example: (request: PayTerms, reply: Reply) {
            (PayTerms(asset: exampleToken), Reply(payTo: examplePayTo))
        }
    }

    /// Sets a job's price aside and gives the voucher that goes with the job. Once for each job and provider.
    public struct PromisePrice: Request {
        public static let spec = MethodSpec(
            "ledger.promise_price", deadlineMs: 5_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Sets a job's price aside and gives the payment that goes with it.")
        public struct Reply: WireValue, Hashable {
            /// The payment, as x402's `PAYMENT-SIGNATURE` header has it; on Lightning a credit note (kind 7870).
            public var payment: String
            public init(payment: String) { self.payment = payment }
        }
        public var provider: PublicKey
        /// What the provider's card says; nothing on Lightning.
        public var payTo: PayTo?
        /// The job, and what it costs.
        public var terms: QuoteTerms
        /// The provider's quote for it.
        public var quote: SignedEvent
        /// What the provider answered to a payment that it refused (`PAYMENT-REQUIRED`).
        public var refused: String?
        /// Which process of aggregator-d is at it.
        public var process: Digest?
        enum CodingKeys: String, CodingKey {
            case provider, terms, quote, refused, process
            case payTo = "pay_to"
        }
        public init(
            provider: PublicKey, payTo: PayTo?, terms: QuoteTerms, quote: SignedEvent,
            refused: String? = nil, process: Digest? = nil
        ) {
            self.process = process
            self.provider = provider
            self.payTo = payTo
            self.terms = terms
            self.quote = quote
            self.refused = refused
        }

        public var job: JobID { terms.job }
        public var asset: Asset { terms.unitPrice.asset }
        /// The most that the job may cost.
        public var amount: Int64 { terms.ceiling ?? 0 }

        public static var example: (request: PromisePrice, reply: Reply) {
            (
                PromisePrice(
                    provider: exampleKey, payTo: examplePayTo, terms: exampleTerms, quote: exampleEvent),
                Reply(payment: "eyJ4NDAyVmVyc2lvbiI6Mn0=")
            )
        }
    }

    /// Takes back what was promised for a job that got no receipt.
    public struct ReleasePrice: Request {
        public static let spec = MethodSpec(
            "ledger.release_price", idempotent: true,
            "Takes back what was promised for a job without a receipt.")
        public typealias Reply = Done
        public var job: JobID
        /// The other node: the provider, or the client when this node served.
        public var peer: PublicKey
        public var served: Bool
        public init(job: JobID, peer: PublicKey, served: Bool) {
            self.job = job
            self.peer = peer
            self.served = served
        }
        public static var example: (request: ReleasePrice, reply: Done) {
            (ReleasePrice(job: exampleBody.job, peer: exampleKey, served: false), Done())
        }
    }

    /// A channel between this node and another.
    public struct Channel: WireValue, Hashable {
        /// 64 hexadecimal characters.
        public var id: String
        /// Whether this node is paid in it; else it pays.
        public var isPayee: Bool
        public var peer: PublicKey
        public var asset: Asset
        public var payTo: PayTo
        /// In the asset's smallest unit: what is left to promise; for the payee, what is charged and not claimed.
        public var balance: Int64
        /// The sum of all receipts.
        public var charged: Int64
        /// What jobs under way may cost.
        public var open: Int64
        /// The ceiling of the voucher that stands.
        public var ceiling: Int64
        /// Unix milliseconds.
        public var at: Int64
        enum CodingKeys: String, CodingKey {
            case id, peer, asset, balance, charged, open, ceiling, at
            case isPayee = "is_payee"
            case payTo = "pay_to"
        }
        public init(
            id: String, isPayee: Bool, peer: PublicKey, asset: Asset, payTo: PayTo, balance: Int64,
            charged: Int64, open: Int64, ceiling: Int64, at: Int64
        ) {
            self.id = id
            self.isPayee = isPayee
            self.peer = peer
            self.asset = asset
            self.payTo = payTo
            self.balance = balance
            self.charged = charged
            self.open = open
            self.ceiling = ceiling
            self.at = at
        }
    }

    /// Opens a channel with a provider, or puts more into it. Happens once for each id.
    public struct OpenChannel: Request {
        public static let spec = MethodSpec(
            "ledger.open_channel", deadlineMs: 5_000, idempotent: true,
            "Opens a channel with a provider, or puts more into it.")
        public typealias Reply = Payment
        /// The caller's id of the payment, 1 to 100 printable characters.
        public var id: String
        public var provider: PublicKey
        public var asset: Asset
        public var payTo: PayTo
        public var amount: Int64
        enum CodingKeys: String, CodingKey {
            case id, provider, asset, amount
            case payTo = "pay_to"
        }
        public init(id: String, provider: PublicKey, asset: Asset, payTo: PayTo, amount: Int64) {
            self.id = id
            self.provider = provider
            self.asset = asset
            self.payTo = payTo
            self.amount = amount
        }
        public static var example: (request: OpenChannel, reply: Payment) {
            (
                OpenChannel(
                    id: "channel-1", provider: exampleKey, asset: exampleToken, payTo: examplePayTo,
                    amount: 1_000_000), examplePayment
            )
        }
    }

    /// Asks for all that is left in a channel; it comes back after the channel's delay.
    public struct LeaveChannel: Request {
        public static let spec = MethodSpec(
            "ledger.leave_channel", deadlineMs: 5_000, idempotent: true,
            "Asks for all that is left in a channel back.")
        public typealias Reply = Payment
        /// Its id, 64 hexadecimal characters.
        public var channel: String
        public init(channel: String) { self.channel = channel }
        public static var example: (request: LeaveChannel, reply: Payment) {
            (LeaveChannel(channel: Digest(hashing: "").hex), examplePayment)
        }
    }

    /// This node's channels, newest first.
    public struct Channels: Request {
        public static let spec = MethodSpec("ledger.channels", "This node's channels, newest first.")
        public struct Reply: WireValue, Hashable {
            public var channels: [Channel]
            public init(channels: [Channel]) { self.channels = channels }
        }
        public init() {}
        public static var example: (request: Channels, reply: Reply) {
            (
                Channels(),
                Reply(channels: [
                    Channel(
                        id: Digest(hashing: "").hex, isPayee: false, peer: exampleKey, asset: exampleToken,
                        payTo: examplePayTo, balance: 990_000, charged: 10_000, open: 0, ceiling: 12_000,
                        at: 1_790_000_000_000)
                ])
            )
        }
    }
}
