// How jobs are paid on Lightning: how much is paid ahead to one provider, and taken ahead from one client.
// It must never hold an amount that is not in millisatoshis.

/// `ledger.credit`.
public struct CreditSection: Codable, Sendable, Equatable {
    /// The most of this node's that one provider may hold: what it keeps if it is a cheat.
    public var maxPrepaid: Int64 = 20_000_000
    /// The most that this node holds of one client's.
    public var maxHeld: Int64 = 100_000_000
    /// The least for which this node makes a client an invoice.
    public var least: Int64 = 10_000
    /// How long the provider lets a payment be held, in seconds: minutes, where its invoice asks for a day of blocks.
    public var holdSeconds: Int64 = 900

    enum CodingKeys: String, CodingKey {
        case least
        case holdSeconds = "hold_s"
        case maxPrepaid = "max_prepaid"
        case maxHeld = "max_held"
    }
    public init() {}
}
