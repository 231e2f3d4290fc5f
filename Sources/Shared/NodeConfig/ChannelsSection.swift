// How jobs are paid by vouchers: how much may lie open, and when what is due is claimed.
// It must never hold an amount that is not in the token's smallest unit.

/// `ledger.channels`.
public struct ChannelsSection: Codable, Sendable, Equatable {
    /// The most that one provider may hold of signed vouchers without a receipt that was verified.
    public var maxAtRisk: Int64 = 100_000
    /// What is due is claimed at so much, or so long after the first of it was charged, in seconds; at once when the payer
    /// wants its money back.
    public var claimAt: Int64 = 1_000_000
    public var claimAfterSeconds: Int64 = 86_400
    /// How long this node's payers wait for their money when they want it back, in seconds.
    public var withdrawDelaySeconds: Int64 = 86_400

    enum CodingKeys: String, CodingKey {
        case maxAtRisk = "max_at_risk"
        case claimAt = "claim_at"
        case claimAfterSeconds = "claim_after_s"
        case withdrawDelaySeconds = "withdraw_delay_s"
    }
    public init() {}
}
