// Where this node may buy over HTTP by x402: what is not in the list is never asked, and never paid.
// It must never hold a way to more than its ceilings.

/// An entry of `ledger.shops`.
public struct ShopSection: Codable, Sendable, Equatable {
    public var name = ""
    /// What is posted to: an `https` URL, or `http` on loopback.
    public var url = ""
    /// The most that one purchase may cost, in the token's smallest unit; its day's ceiling is the token's own.
    public var maxPerPayment: Int64 = 100_000

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, url
        case maxPerPayment = "max_per_payment"
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
        let c = try decoder.container(keyedBy: CodingKeys.self)
        name = try c.decode(String.self, forKey: .name)
        url = try c.decodeIfPresent(String.self, forKey: .url) ?? url
        maxPerPayment = try c.decodeIfPresent(Int64.self, forKey: .maxPerPayment) ?? maxPerPayment
    }

    /// By what ledger-d names it to ws-d.
    public var endpoint: String { CarryEndpoint.shopPrefix + name }

    /// What is wrong with the entry, by key; the first of all.
    func problem() -> (key: String, problem: String)? {
        if !ChainSection.isName(name) { return ("name", "must have 1 to 32 letters, digits and '-'") }
        if !CarryEndpoint.isAllowed(url) {
            return ("url", "must be an https:// URL, or http:// on a loopback address")
        }
        if maxPerPayment < 0 { return ("max_per_payment", "is below zero") }
        return nil
    }
}
