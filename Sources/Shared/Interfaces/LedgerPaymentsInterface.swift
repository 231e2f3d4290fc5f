// What a person asks of ledger-d about money: where it can be sent, what is there, and to pay some of it.
// It must never carry bytes to be signed: who is paid how much is said, ledger-d builds the rest.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Money that leaves the node, and how far it is.
    public struct Payment: WireValue, Hashable {
        public var id: String
        /// The chain, or the account on Lightning.
        public var chain: String
        public var asset: Asset
        /// In the asset's smallest unit.
        public var amount: Int64
        /// The payee's address; on Lightning its node.
        public var to: String
        /// `asked`, `signed`, `handed`, `answered`, `settled` or `failed`.
        public var state: String
        /// Why it is in this state.
        public var reason: String
        /// What it waits for; absent when it is over.
        public var awaiting: String?
        /// The transaction that was signed last, or the one that paid; on Lightning the payment's hash.
        public var transaction: String?
        /// Unix milliseconds: when it was asked for, and when it came into this state.
        public var at: Int64
        public var since: Int64
        public init(
            id: String, chain: String, asset: Asset, amount: Int64, to: String, state: String, reason: String,
            awaiting: String? = nil, transaction: String? = nil, at: Int64, since: Int64
        ) {
            self.id = id
            self.chain = chain
            self.asset = asset
            self.amount = amount
            self.to = to
            self.state = state
            self.reason = reason
            self.awaiting = awaiting
            self.transaction = transaction
            self.at = at
            self.since = since
        }
    }

    static var examplePayment: Payment {
        Payment(
            id: "rent-12", chain: "polygon", asset: exampleToken, amount: 1_500_000,
            to: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", state: "handed",
            reason: "given to the chain with nonce 0",
            awaiting: "a block that has it", transaction: "0x" + Digest(hashing: "").hex,
            at: 1_790_000_000_000,
            since: 1_790_000_001_000)
    }
    static var exampleToken: Asset {
        Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    }

    /// Buys one answer of a shop of the configuration by x402's `exact`. The same id pays once, however often it is asked.
    public struct Buy: Request {
        public static let spec = MethodSpec(
            "ledger.buy", deadlineMs: 230_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Buys one answer of a shop by x402, within its ceilings.")
        public struct Reply: WireValue, Hashable {
            /// HTTP's, and the shop's words.
            public var status: Int
            public var body: String
            /// What was paid, or may be: absent when nothing was asked for.
            public var payment: Payment?
            public init(status: Int, body: String, payment: Payment? = nil) {
                self.status = status
                self.body = body
                self.payment = payment
            }
        }
        /// The caller's id of the payment, 1 to 100 printable characters.
        public var id: String
        /// As `ledger.shops` names it.
        public var shop: String
        /// JSON, which is posted.
        public var body: String
        /// The most that is paid, in the token's smallest unit.
        public var most: Int64
        public init(id: String, shop: String, body: String, most: Int64) {
            self.id = id
            self.shop = shop
            self.body = body
            self.most = most
        }
        public static var example: (request: Buy, reply: Reply) {
            (
                Buy(id: "weather-1", shop: "weather", body: "{}", most: 1_000),
                Reply(status: 200, body: "{}", payment: examplePayment)
            )
        }
    }

    /// Pays from this node's account on a chain. Happens once for each id.
    public struct Pay: Request {
        public static let spec = MethodSpec(
            "ledger.pay", deadlineMs: 5_000, idempotent: true, "Pays from this node's account on a chain.")
        public typealias Reply = Payment
        /// The caller's id of the payment, 1 to 100 printable characters.
        public var id: String
        public var asset: Asset
        public var amount: Int64
        /// The payee's address, with a right checksum where it has capitals.
        public var to: String
        public init(id: String, asset: Asset, amount: Int64, to: String) {
            self.id = id
            self.asset = asset
            self.amount = amount
            self.to = to
        }
        public static var example: (request: Pay, reply: Payment) {
            let payment = examplePayment
            return (
                Pay(id: payment.id, asset: payment.asset, amount: payment.amount, to: payment.to), payment
            )
        }
    }

    /// The last payments, newest first.
    public struct Payments: Request {
        public static let spec = MethodSpec("ledger.payments", "The last payments, newest first.")
        public struct Reply: WireValue, Hashable {
            public var payments: [Payment]
            public init(payments: [Payment]) { self.payments = payments }
        }
        /// 1 to 200.
        public var limit: Int
        public init(limit: Int) { self.limit = limit }
        public static var example: (request: Payments, reply: Reply) {
            (Payments(limit: 20), Reply(payments: [examplePayment]))
        }
    }

    /// This node's accounts on chains.
    public struct Accounts: Request {
        public static let spec = MethodSpec("ledger.accounts", "This node's accounts on chains.")
        /// A chain's own coin in the account.
        public struct Coin: WireValue, Hashable {
            public var symbol: String
            /// In its smallest unit, decimal: it may be more than 63 bits hold.
            public var amount: String
            public var decimals: Int
            public init(symbol: String, amount: String, decimals: Int) {
                self.symbol = symbol
                self.amount = amount
                self.decimals = decimals
            }
        }
        public struct Account: WireValue, Hashable {
            public var chain: String
            /// The number of an EVM chain.
            public var chainID: Int64?
            public var asset: Asset
            public var symbol: String
            public var decimals: Int
            /// Where it takes deposits; empty where each takes an invoice.
            public var address: String
            /// In the smallest unit: what can be paid, and what payments under way hold.
            public var available: Int64
            public var held: Int64
            /// Whether the chain was heard, and says what it must.
            public var ok: Bool
            /// What was last heard of the chain, or what is the matter.
            public var reason: String
            /// What the chain's fees are paid in; absent where there are none, or the chain did not say.
            public var coin: Coin?
            enum CodingKeys: String, CodingKey {
                case chain, asset, symbol, decimals, address, available, held, ok, reason, coin
                case chainID = "chain_id"
            }
            public init(
                chain: String, chainID: Int64?, asset: Asset, symbol: String, decimals: Int, address: String,
                available: Int64, held: Int64, ok: Bool, reason: String, coin: Coin? = nil
            ) {
                self.coin = coin
                self.chain = chain
                self.chainID = chainID
                self.asset = asset
                self.symbol = symbol
                self.decimals = decimals
                self.address = address
                self.available = available
                self.held = held
                self.ok = ok
                self.reason = reason
            }
        }
        public struct Reply: WireValue, Hashable {
            public var accounts: [Account]
            public init(accounts: [Account]) { self.accounts = accounts }
        }
        public init() {}
        public static var example: (request: Accounts, reply: Reply) {
            (
                Accounts(),
                Reply(accounts: [
                    Account(
                        chain: "polygon", chainID: 137, asset: exampleToken, symbol: "USDC", decimals: 6,
                        address: "0xAfCe6214969C195CA13A894dEc06De87bb6e4D7C", available: 25_000_000,
                        held: 1_500_000, ok: true, reason: "final up to block 81000000",
                        coin: Coin(symbol: "POL", amount: "2500000000000000000", decimals: 18))
                ])
            )
        }
    }
}
