// What a person says of books that are older than their chain: the difference, and that it is written off.
// It must never carry an amount that ledger-d has not found by itself: it is said again so that nothing else is meant.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Tells by how much the books say more than the account holds, or writes exactly that off.
    public struct Reconcile: Request {
        public static let spec = MethodSpec(
            "ledger.reconcile", deadlineMs: 10_000,
            "Tells, or writes off, what the books have and the account on the chain does not.")
        public struct Reply: WireValue, Hashable {
            public var asset: Asset
            /// In the asset's smallest unit: what the books say can be paid.
            public var booked: Int64
            /// How much less the account holds than the books with the deposits that are not booked; zero when nothing
            /// is refused.
            public var missing: Int64
            /// Whether the next look writes it off.
            public var isWrittenOff: Bool
            enum CodingKeys: String, CodingKey {
                case asset, booked, missing
                case isWrittenOff = "is_written_off"
            }
            public init(asset: Asset, booked: Int64, missing: Int64, isWrittenOff: Bool) {
                self.asset = asset
                self.booked = booked
                self.missing = missing
                self.isWrittenOff = isWrittenOff
            }
        }
        public var asset: Asset
        /// What is missing, as it was told; absent to be told.
        public var amount: Int64?
        public init(asset: Asset, amount: Int64? = nil) {
            self.asset = asset
            self.amount = amount
        }
        public static var example: (request: Reconcile, reply: Reply) {
            (
                Reconcile(asset: exampleToken, amount: 3_000),
                Reply(asset: exampleToken, booked: 2_000, missing: 3_000, isWrittenOff: true)
            )
        }
    }
}
