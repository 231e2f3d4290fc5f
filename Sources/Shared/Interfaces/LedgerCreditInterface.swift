// What ledger-d is asked about credit: a request to a provider, its invoice paid, a client's request answered, all of it shown.
// It must never carry bytes to be signed: provider and amount are said, ledger-d builds the rest.

public import NodeModel
public import Wire

/// What a provider answers to a client's request about credit.
public struct CreditAnswer: WireValue, Hashable {
    /// To a request to buy: the provider's word on the invoice, and the invoice (BOLT 11).
    public var offer: SignedEvent?
    public var invoice: String?
    /// To a request for what is left: how far its payment is, as `Payment` says it.
    public var state: String?
    public var reason: String?
    public init(
        offer: SignedEvent? = nil, invoice: String? = nil, state: String? = nil, reason: String? = nil
    ) {
        self.offer = offer
        self.invoice = invoice
        self.state = state
        self.reason = reason
    }
    static var example: CreditAnswer {
        CreditAnswer(offer: LedgerInterface.exampleEvent, invoice: LedgerInterface.exampleInvoice.text)
    }
}

extension LedgerInterface {
    /// Signs a request for credit: the provider answers it with an invoice.
    public struct AskCredit: Request {
        public static let spec = MethodSpec(
            "ledger.ask_credit", "Signs a request to a provider for an invoice that buys credit.")
        public typealias Reply = SignedEvent
        public var provider: PublicKey
        public var asset: Asset
        /// In the asset's smallest unit.
        public var amount: Int64
        /// Whether the payment is to be held until an answer was accepted.
        public var held: Bool?
        public init(provider: PublicKey, asset: Asset, amount: Int64, held: Bool? = nil) {
            self.held = held
            self.provider = provider
            self.asset = asset
            self.amount = amount
        }
        public static var example: (request: AskCredit, reply: SignedEvent) {
            (AskCredit(provider: exampleKey, asset: exampleMillisatoshi, amount: 500_000), exampleEvent)
        }
    }

    /// Pays a provider's invoice; when it is settled its amount is credit. Happens once for each invoice, until it has failed.
    public struct PayCredit: Request {
        public static let spec = MethodSpec(
            "ledger.pay_credit", deadlineMs: 5_000, idempotent: true,
            "Pays a provider's invoice, which buys credit with it.")
        public typealias Reply = Payment
        public var provider: PublicKey
        /// The provider's word on the invoice.
        public var offer: SignedEvent
        /// BOLT 11.
        public var invoice: String
        /// The hash that `ask_credit` drew: only an invoice on it is paid. Nothing for credit that is not held.
        public var held: Digest?
        public init(provider: PublicKey, offer: SignedEvent, invoice: String, held: Digest? = nil) {
            self.held = held
            self.provider = provider
            self.offer = offer
            self.invoice = invoice
        }
        public static var example: (request: PayCredit, reply: Payment) {
            (
                PayCredit(provider: exampleKey, offer: exampleEvent, invoice: exampleInvoice.text),
                exampleLightningPayment
            )
        }
    }

    /// Sets what is left of a credit aside and signs a request for it. While one is open, it is that one.
    public struct WithdrawCredit: Request {
        public static let spec = MethodSpec(
            "ledger.withdraw_credit", deadlineMs: 20_000, idempotent: true,
            "Sets credit aside and signs a request to the provider to pay it back.")
        public typealias Reply = SignedEvent
        public var provider: PublicKey
        /// What it is to cost the credit, with the way; all of it when nil.
        public var amount: Int64?
        public init(provider: PublicKey, amount: Int64? = nil) {
            self.provider = provider
            self.amount = amount
        }
        public static var example: (request: WithdrawCredit, reply: SignedEvent) {
            (WithdrawCredit(provider: exampleKey, amount: 100_000), exampleEvent)
        }
    }

    /// Answers a client's signed request: with an invoice, or by paying the client's.
    public struct ServeCredit: Request {
        public static let spec = MethodSpec(
            "ledger.serve_credit", deadlineMs: 15_000, idempotent: true,
            "Answers a client's signed request about its credit.")
        public typealias Reply = CreditAnswer
        public var request: SignedEvent
        public init(request: SignedEvent) { self.request = request }
        public static var example: (request: ServeCredit, reply: CreditAnswer) {
            (ServeCredit(request: exampleEvent), .example)
        }
    }

    /// Credit between this node and another.
    public struct Credit: WireValue, Hashable {
        /// 64 hexadecimal characters.
        public var id: String
        /// Whether this node owes it; else it is this node's.
        public var isPayee: Bool
        public var peer: PublicKey
        public var asset: Asset
        /// In the asset's smallest unit: what jobs may still draw on.
        public var balance: Int64
        /// The sum of all receipts.
        public var charged: Int64
        /// What jobs under way may cost.
        public var open: Int64
        /// What is on its way back.
        public var returning: Int64
        /// Unix milliseconds.
        public var at: Int64
        enum CodingKeys: String, CodingKey {
            case id, peer, asset, balance, charged, open, returning, at
            case isPayee = "is_payee"
        }
        public init(
            id: String, isPayee: Bool, peer: PublicKey, asset: Asset, balance: Int64, charged: Int64,
            open: Int64, returning: Int64, at: Int64
        ) {
            self.id = id
            self.isPayee = isPayee
            self.peer = peer
            self.asset = asset
            self.balance = balance
            self.charged = charged
            self.open = open
            self.returning = returning
            self.at = at
        }
    }

    /// Credit with other nodes, and of others with this one, newest first.
    public struct Credits: Request {
        public static let spec = MethodSpec(
            "ledger.credits", "Credit with other nodes, and of others with this one.")
        public struct Reply: WireValue, Hashable {
            public var credits: [Credit]
            /// Purchases whose payment is held, or was lately.
            public var held: [HeldCredit]?
            public init(credits: [Credit], held: [HeldCredit]? = nil) {
                self.credits = credits
                self.held = held
            }
        }
        public init() {}
        public static var example: (request: Credits, reply: Reply) {
            (
                Credits(),
                Reply(
                    credits: [
                        Credit(
                            id: Digest(hashing: "").hex, isPayee: false, peer: exampleKey,
                            asset: exampleMillisatoshi, balance: 470_000, charged: 25_000, open: 5_000,
                            returning: 0, at: 1_790_000_000_000)
                    ], held: [.example])
            )
        }
    }
}
