// Credit whose payment is held until an answer was accepted, as people see it.
// It must never carry the preimage: that leaves ledger-d encrypted to the provider, and nowhere else.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// A purchase of credit on a hash that its client drew.
    public struct HeldCredit: WireValue, Hashable {
        public var hash: Digest
        /// Whether this node is paid; else it pays.
        public var isPayee: Bool
        public var peer: PublicKey
        public var asset: Asset
        /// In the asset's smallest unit: what is paid, and what of it jobs may still draw on.
        public var amount: Int64
        public var balance: Int64
        /// With the client `drawn`, `paying`, `held`, `revealed`, `settled` or `back`; with the provider `asked`, `open`, `held`,
        /// `revealed`, `cancelling`, `settled`, `cancelled` or `expired`.
        public var state: String
        /// Why it is so, and what comes next; nil at the end.
        public var reason: String
        public var awaiting: String?
        /// Unix milliseconds.
        public var at: Int64
        enum CodingKeys: String, CodingKey {
            case hash, peer, asset, amount, balance, state, reason, awaiting, at
            case isPayee = "is_payee"
        }
        public init(
            hash: Digest, isPayee: Bool, peer: PublicKey, asset: Asset, amount: Int64, balance: Int64,
            state: String, reason: String, awaiting: String?, at: Int64
        ) {
            self.hash = hash
            self.isPayee = isPayee
            self.peer = peer
            self.asset = asset
            self.amount = amount
            self.balance = balance
            self.state = state
            self.reason = reason
            self.awaiting = awaiting
            self.at = at
        }

        static var example: HeldCredit {
            HeldCredit(
                hash: Digest(hashing: "preimage"), isPayee: false, peer: exampleKey,
                asset: exampleMillisatoshi,
                amount: 500_000, balance: 480_000, state: "held", reason: "under way on Lightning",
                awaiting: "an answer that is accepted", at: 1_790_000_000_000)
        }
    }
}
