// What this node earned by jobs of others and by sales to strangers, one by one and by day, and what of it is not sure yet.
// It must never count work as paid that its client has not accepted, nor a sale that the final block does not have.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Earnings of the last days.
    public struct Earnings: Request {
        public static let spec = MethodSpec(
            "ledger.earnings", deadlineMs: 10_000, idempotent: true,
            "What was earned by jobs and sales, by day or one by one, and what is still unpaid.")
        /// What one client owes or paid for one job.
        public struct Job: Codable, Hashable, Sendable {
            public var job: JobID
            public var client: PublicKey
            public var model: String
            public var asset: Asset
            /// In the asset's smallest unit.
            public var amount: Int64
            /// When the receipt was signed, and when its acceptance was booked; Unix milliseconds.
            public var at: Int64
            public var acceptedAt: Int64?
            /// What of it was not claimed yet, where a channel pays: the chain has paid the rest.
            public var unclaimed: Int64?
            public init(
                job: JobID, client: PublicKey, model: String, asset: Asset, amount: Int64, at: Int64,
                acceptedAt: Int64?, unclaimed: Int64? = nil
            ) {
                self.unclaimed = unclaimed
                self.job = job
                self.client = client
                self.model = model
                self.asset = asset
                self.amount = amount
                self.at = at
                self.acceptedAt = acceptedAt
            }
        }
        /// One day (UTC) in one asset, by when the receipts were signed.
        public struct Day: Codable, Hashable, Sendable {
            /// Days since 1970.
            public var day: Int64
            public var asset: Asset
            public var jobs: Int
            /// Sales over HTTP whose payments were carried, and not in vain so far.
            public var sales: Int
            /// What clients have accepted, what was claimed out of channels, and what strangers' payments brought.
            public var earned: Int64
            /// What is done and not accepted, whose client may still bring the acceptance; what a voucher covers and was not
            /// claimed; and payments on their way.
            public var unpaid: Int64
            /// What of that is older than a day: it would have come by then; of a channel, where the last claim has failed.
            public var atRisk: Int64
            public init(
                day: Int64, asset: Asset, jobs: Int = 0, sales: Int = 0, earned: Int64 = 0, unpaid: Int64 = 0,
                atRisk: Int64 = 0
            ) {
                self.sales = sales
                self.day = day
                self.asset = asset
                self.jobs = jobs
                self.earned = earned
                self.unpaid = unpaid
                self.atRisk = atRisk
            }
        }
        public struct Reply: WireValue, Hashable {
            /// Newest first.
            public var days: [Day]
            /// The last jobs, newest first; as many as were asked for.
            public var jobs: [Job]
            /// The last sales, likewise.
            public var sales: [Sale]
            public init(days: [Day], jobs: [Job], sales: [Sale] = []) {
                self.days = days
                self.jobs = jobs
                self.sales = sales
            }
        }
        /// How many days back, 1 to 366; today is the first.
        public var days: Int
        /// How many jobs, and how many sales, are told one by one, 0 to 1,000.
        public var jobs: Int
        public init(days: Int = 30, jobs: Int = 0) {
            self.days = days
            self.jobs = jobs
        }
        public static var example: (request: Earnings, reply: Reply) {
            let body = exampleBody
            return (
                Earnings(days: 7, jobs: 1),
                Reply(
                    days: [Day(day: 20_717, asset: .testCredit, jobs: 1, earned: 0, unpaid: body.price)],
                    jobs: [
                        Job(
                            job: body.job, client: body.client, model: body.model, asset: .testCredit,
                            amount: body.price, at: 1_790_000_000_000, acceptedAt: nil)
                    ], sales: [exampleSale])
            )
        }
    }
}
