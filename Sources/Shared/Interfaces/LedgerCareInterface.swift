// What a person asks of ledger-d about itself: its policy, a proof of its books, a copy of key and books.
// It must never be granted to a daemon: these are for the hand alone.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// The signing policy: each intent, who may ask for it, and how far it goes.
    public struct Policy: Request {
        public static let spec = MethodSpec("ledger.policy", "The signing policy, row by row.")
        public struct Row: WireValue, Hashable {
            /// The method that carries the intent.
            public var intent: String
            /// Who may ask, by the names of their processes.
            public var callers: [String]
            /// What the key does for it, in words.
            public var effect: String
            /// Ceilings in each asset's smallest unit: for one call, for a day (UTC), and for a day and one peer.
            public var perCall: Int64?
            public var perDay: Int64?
            public var perPeer: Int64?
            enum CodingKeys: String, CodingKey {
                case intent, callers, effect
                case perCall = "per_call"
                case perDay = "per_day"
                case perPeer = "per_peer"
            }
            public init(
                intent: String, callers: [String], effect: String, perCall: Int64? = nil,
                perDay: Int64? = nil, perPeer: Int64? = nil
            ) {
                self.intent = intent
                self.callers = callers
                self.effect = effect
                self.perCall = perCall
                self.perDay = perDay
                self.perPeer = perPeer
            }
        }
        /// How much of one asset may go where, by the configuration; in its smallest unit.
        public struct Ceiling: WireValue, Hashable {
            public var asset: Asset
            public var symbol: String
            public var decimals: Int
            /// What it bounds, and where it is set.
            public var what: String
            public var setting: String
            /// For one call, for a day (UTC), and for a day and one peer.
            public var perCall: Int64?
            public var perDay: Int64?
            public var perPeer: Int64?
            enum CodingKeys: String, CodingKey {
                case asset, symbol, decimals, what, setting
                case perCall = "per_call"
                case perDay = "per_day"
                case perPeer = "per_peer"
            }
            public init(
                asset: Asset, symbol: String, decimals: Int, what: String, setting: String,
                perCall: Int64? = nil, perDay: Int64? = nil, perPeer: Int64? = nil
            ) {
                self.asset = asset
                self.symbol = symbol
                self.decimals = decimals
                self.what = what
                self.setting = setting
                self.perCall = perCall
                self.perDay = perDay
                self.perPeer = perPeer
            }
        }
        public struct Reply: WireValue, Hashable {
            public var rows: [Row]
            /// By asset; absent from builds that did not tell them.
            public var ceilings: [Ceiling]?
            public init(rows: [Row], ceilings: [Ceiling]? = nil) {
                self.rows = rows
                self.ceilings = ceilings
            }
        }
        public init() {}
        public static var example: (request: Policy, reply: Reply) {
            (
                Policy(),
                Reply(
                    rows: [
                        Row(
                            intent: "ledger.accept_receipt", callers: ["aggregator-d"],
                            effect: "accepts a receipt and books what it costs", perCall: 10_000_000,
                            perDay: 1_000_000_000, perPeer: 1_000_000_000)
                    ],
                    ceilings: [
                        Ceiling(
                            asset: exampleToken, symbol: "USDC", decimals: 6, what: "payments that leave",
                            setting: "ledger.chains, polygon, USDC", perCall: 100_000_000,
                            perDay: 1_000_000_000, perPeer: 1_000_000_000)
                    ])
            )
        }
    }

    /// Proves the whole ledger: chain, sums, balances, every signature.
    public struct Audit: Request {
        public static let spec = MethodSpec(
            "ledger.audit", deadlineMs: 120_000, "Proves the whole ledger from its own rows.")
        public struct Reply: WireValue, Hashable {
            public var transfers: Int64
            public var operations: Int64
            /// Signed heads of days.
            public var heads: Int64
            public var chainHead: String
            /// Sentences, each about one thing that does not hold.
            public var faults: [String]
            enum CodingKeys: String, CodingKey {
                case transfers, operations, heads, faults
                case chainHead = "chain_head"
            }
            public init(
                transfers: Int64, operations: Int64, heads: Int64, chainHead: String, faults: [String]
            ) {
                self.transfers = transfers
                self.operations = operations
                self.heads = heads
                self.chainHead = chainHead
                self.faults = faults
            }
        }
        public init() {}
        public static var example: (request: Audit, reply: Reply) {
            (
                Audit(),
                Reply(
                    transfers: 1, operations: 2, heads: 0, chainHead: Digest(hashing: "").hex, faults: [])
            )
        }
    }

    /// Copies the ledger beside itself, and hands out the key under a passphrase.
    public struct Backup: Request {
        public static let spec = MethodSpec(
            "ledger.backup", deadlineMs: 120_000, "Copies the ledger and hands out the encrypted key.")
        public struct Reply: WireValue, Hashable {
            /// The key under the passphrase (NIP-49).
            public var ncryptsec: String
            public var npub: String
            /// Where the copy of the ledger lies, in ledger-d's state directory.
            public var path: String
            public var transfers: Int64
            public var chainHead: String
            enum CodingKeys: String, CodingKey {
                case ncryptsec, npub, path, transfers
                case chainHead = "chain_head"
            }
            public init(
                ncryptsec: String, npub: String, path: String, transfers: Int64, chainHead: String
            ) {
                self.ncryptsec = ncryptsec
                self.npub = npub
                self.path = path
                self.transfers = transfers
                self.chainHead = chainHead
            }
        }
        /// 8 to 1,024 bytes, in Unicode's form NFKC.
        public var passphrase: String
        public init(passphrase: String) { self.passphrase = passphrase }
        public static var example: (request: Backup, reply: Reply) {
            (
                Backup(passphrase: "correct horse"),
                Reply(
                    ncryptsec: "ncryptsec1", npub: "npub1", path: "/var/lib/infernet/ledger-d/backup.db",
                    transfers: 1, chainHead: Digest(hashing: "").hex)
            )
        }
    }

    /// Puts an encrypted key in the place of this node's; only while nothing was booked under the present one.
    public struct Restore: Request {
        public static let spec = MethodSpec(
            "ledger.restore", deadlineMs: 30_000, "Takes over an encrypted key at the next start.")
        public struct Reply: WireValue, Hashable {
            /// Whom the node will be.
            public var npub: String
            /// Whether ledger-d must be started again for that.
            public var restart: Bool
            public init(npub: String, restart: Bool) {
                self.npub = npub
                self.restart = restart
            }
        }
        /// The key under the passphrase (NIP-49).
        public var ncryptsec: String
        public var passphrase: String
        public init(ncryptsec: String, passphrase: String) {
            self.ncryptsec = ncryptsec
            self.passphrase = passphrase
        }
        public static var example: (request: Restore, reply: Reply) {
            (
                Restore(ncryptsec: "ncryptsec1", passphrase: "correct horse"),
                Reply(npub: "npub1", restart: true)
            )
        }
    }
}
