// What a person asks of ledger-d about Lightning: to pay an invoice, to have one made, and what became of those.
// It must never carry a payee or an amount beside an invoice that names them.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// An invoice that this node made.
    public struct Invoice: WireValue, Hashable {
        /// What the payer needs (BOLT 11).
        public var text: String
        /// SHA-256 of the preimage, 64 hexadecimal characters.
        public var hash: String
        public var asset: Asset
        /// In the asset's smallest unit: millisatoshis.
        public var amount: Int64
        public var memo: String
        /// `open`, `paid` or `expired`.
        public var state: String
        /// Unix milliseconds: when it was made, and from when it cannot be paid any more.
        public var at: Int64
        public var expiresAt: Int64
        enum CodingKeys: String, CodingKey {
            case text, hash, asset, amount, memo, state, at
            case expiresAt = "expires_at"
        }
        public init(
            text: String, hash: String, asset: Asset, amount: Int64, memo: String, state: String, at: Int64,
            expiresAt: Int64
        ) {
            self.text = text
            self.hash = hash
            self.asset = asset
            self.amount = amount
            self.memo = memo
            self.state = state
            self.at = at
            self.expiresAt = expiresAt
        }
    }

    static var exampleInvoice: Invoice {
        Invoice(
            text: "lnbc15u1p3xnhl2pp5jptserfk3zk4qy42tlucycrfwxhydvlemu9pqr93tuzlv9cc7g3s",
            hash: Digest(hashing: "").hex, asset: exampleMillisatoshi, amount: 1_500_000,
            memo: "three coffees",
            state: "open", at: 1_790_000_000_000, expiresAt: 1_790_003_600_000)
    }
    static var exampleMillisatoshi: Asset {
        Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/bolt11:msat")
    }
    static var exampleLightningPayment: Payment {
        Payment(
            id: "ln-" + Digest(hashing: "").hex, chain: "savings", asset: exampleMillisatoshi,
            amount: 1_500_000,
            to: "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad", state: "asked",
            reason: "the money is set aside", awaiting: "the backend", transaction: Digest(hashing: "").hex,
            at: 1_790_000_000_000, since: 1_790_000_000_000)
    }

    /// Pays an invoice from this node's account on Lightning. Happens once for each invoice, until it has failed.
    public struct PayInvoice: Request {
        public static let spec = MethodSpec(
            "ledger.pay_invoice", deadlineMs: 5_000, idempotent: true,
            "Pays an invoice from this node's account on Lightning.")
        public typealias Reply = Payment
        /// BOLT 11, with or without `lightning:`.
        public var invoice: String
        /// In millisatoshis, for an invoice that names none.
        public var amount: Int64?
        public init(invoice: String, amount: Int64? = nil) {
            self.invoice = invoice
            self.amount = amount
        }
        public static var example: (request: PayInvoice, reply: Payment) {
            (PayInvoice(invoice: exampleInvoice.text), exampleLightningPayment)
        }
    }

    /// Has an invoice made, to be paid to this node's account on Lightning.
    public struct MakeInvoice: Request {
        public static let spec = MethodSpec(
            "ledger.make_invoice", deadlineMs: 20_000, idempotent: false,
            "Has an invoice made, to be paid to this node.")
        public typealias Reply = Invoice
        /// In millisatoshis.
        public var amount: Int64
        /// What the payer reads, at most 500 bytes.
        public var memo: String
        public init(amount: Int64, memo: String) {
            self.amount = amount
            self.memo = memo
        }
        public static var example: (request: MakeInvoice, reply: Invoice) {
            (MakeInvoice(amount: exampleInvoice.amount, memo: exampleInvoice.memo), exampleInvoice)
        }
    }

    /// The last invoices of this node, newest first.
    public struct Invoices: Request {
        public static let spec = MethodSpec(
            "ledger.invoices", "The last invoices of this node, newest first.")
        public struct Reply: WireValue, Hashable {
            public var invoices: [Invoice]
            public init(invoices: [Invoice]) { self.invoices = invoices }
        }
        /// 1 to 200.
        public var limit: Int
        public init(limit: Int) { self.limit = limit }
        public static var example: (request: Invoices, reply: Reply) {
            (Invoices(limit: 20), Reply(invoices: [exampleInvoice]))
        }
    }
}
