// A token on a chain, as the configuration describes it: which contract is meant, and how much may leave.
// It must never be completed from what a chain says.

/// A token on a chain.
public struct TokenSection: Codable, Sendable, Equatable {
    /// What people call it.
    public var symbol = ""
    /// The token's contract, `0x` and 40 hexadecimal characters.
    public var address = ""
    /// The name and version of its signing domain (EIP-712); the chain must say the same before anything is signed.
    public var name = ""
    public var version = ""
    /// Digits behind the point.
    public var decimals = 6
    /// The most that one payment may take, in the token's smallest unit.
    public var maxPerPayment: Int64 = 100_000_000
    /// The most that leaves in one day (UTC), in the token's smallest unit.
    public var maxPerDay: Int64 = 1_000_000_000
    /// The most of that which goes to one payee.
    public var maxPerPeer: Int64 = 1_000_000_000

    enum CodingKeys: String, CodingKey, CaseIterable {
        case symbol, address, name, version, decimals
        case maxPerPayment = "max_per_payment"
        case maxPerDay = "max_per_day"
        case maxPerPeer = "max_per_peer"
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
        let c = try decoder.container(keyedBy: CodingKeys.self)
        symbol = try c.decodeIfPresent(String.self, forKey: .symbol) ?? symbol
        address = try c.decodeIfPresent(String.self, forKey: .address) ?? address
        name = try c.decodeIfPresent(String.self, forKey: .name) ?? name
        version = try c.decodeIfPresent(String.self, forKey: .version) ?? version
        decimals = try c.decodeIfPresent(Int.self, forKey: .decimals) ?? decimals
        maxPerPayment = try c.decodeIfPresent(Int64.self, forKey: .maxPerPayment) ?? maxPerPayment
        maxPerDay = try c.decodeIfPresent(Int64.self, forKey: .maxPerDay) ?? maxPerDay
        maxPerPeer = try c.decodeIfPresent(Int64.self, forKey: .maxPerPeer) ?? maxPerPeer
    }

    static func usdc(_ address: String, name: String) -> TokenSection {
        var token = TokenSection()
        (token.symbol, token.address, token.name, token.version) = ("USDC", address, name, "2")
        return token
    }
}
