// The chains on which a node has money, as data: an EVM chain more is an entry in the list, and no code.
// It must never decide what is signed: it says where to ask, which token is meant, and how much may leave.

/// An EVM chain. An entry that only has the name of a known chain takes the rest from here.
public struct ChainSection: Codable, Sendable, Equatable {
    public var name = ""
    public var chainID: Int64 = 0
    /// Where ws-d carries questions and transactions to: an `https` URL, or `http` on loopback.
    public var rpc = ""
    /// What the chain's fees are paid in.
    public var coin = ""
    public var tokens: [TokenSection] = []
    /// The block from which deposits are looked for at each start; 0: from where it was left, at first from the first
    /// final block that this node hears of.
    public var depositsFrom: Int64 = 0
    /// How often the chain is asked while nothing is under way, in seconds; while something is, every 3 at most.
    public var pollSeconds = 15
    /// How long a signed payment may still be carried out, in seconds. What was not by then comes back.
    public var validSeconds: Int64 = 3_600
    /// What a payment may use of the chain's work.
    public var gasLimit: Int64 = 150_000
    /// The most that is offered for each unit of it, and the least that goes to who includes it, in billionths (gwei).
    public var maxFeeGwei: Int64 = 500
    public var minTipGwei: Int64 = 1

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, rpc, coin, tokens
        case chainID = "chain_id"
        case depositsFrom = "deposits_from"
        case pollSeconds = "poll_s"
        case validSeconds = "valid_s"
        case gasLimit = "gas_limit"
        case maxFeeGwei = "max_fee_gwei"
        case minTipGwei = "min_tip_gwei"
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
        let c = try decoder.container(keyedBy: CodingKeys.self)
        let name = try c.decode(String.self, forKey: .name)
        self = Self.known.first { $0.name == name } ?? ChainSection()
        self.name = name
        chainID = try c.decodeIfPresent(Int64.self, forKey: .chainID) ?? chainID
        rpc = try c.decodeIfPresent(String.self, forKey: .rpc) ?? rpc
        coin = try c.decodeIfPresent(String.self, forKey: .coin) ?? coin
        tokens = try c.decodeIfPresent([TokenSection].self, forKey: .tokens) ?? tokens
        depositsFrom = try c.decodeIfPresent(Int64.self, forKey: .depositsFrom) ?? depositsFrom
        pollSeconds = try c.decodeIfPresent(Int.self, forKey: .pollSeconds) ?? pollSeconds
        validSeconds = try c.decodeIfPresent(Int64.self, forKey: .validSeconds) ?? validSeconds
        gasLimit = try c.decodeIfPresent(Int64.self, forKey: .gasLimit) ?? gasLimit
        maxFeeGwei = try c.decodeIfPresent(Int64.self, forKey: .maxFeeGwei) ?? maxFeeGwei
        minTipGwei = try c.decodeIfPresent(Int64.self, forKey: .minTipGwei) ?? minTipGwei
    }

    /// Chains whose facts need not be written out. USDC is Circle's own; bridged look-alikes (USDC.e) are other tokens.
    public static let known: [ChainSection] = {
        var polygon = ChainSection()
        (polygon.name, polygon.chainID, polygon.coin, polygon.minTipGwei) = ("polygon", 137, "POL", 30)
        polygon.tokens = [.usdc("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", name: "USD Coin")]
        var amoy = ChainSection()
        (amoy.name, amoy.chainID, amoy.coin, amoy.minTipGwei) = ("amoy", 80_002, "POL", 30)
        amoy.tokens = [.usdc("0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", name: "USDC")]
        return [polygon, amoy]
    }()

    /// By what ledger-d names the chain to ws-d.
    public var endpoint: String { "evm/\(name)" }

    static func isName(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }

    /// What is wrong with the entry, by key; the first of all.
    func problem() -> (key: String, problem: String)? {
        if !Self.isName(name) { return ("name", "must have 1 to 32 letters, digits and '-'") }
        if !(1...Int64(1) << 53).contains(chainID) { return ("chain_id", "must be the chain's number") }
        if !CarryEndpoint.isAllowed(rpc) {
            return ("rpc", "must be an https:// URL, or http:// on a loopback address")
        }
        let ranges: [(String, Int64, ClosedRange<Int64>)] = [
            ("poll_s", Int64(pollSeconds), 1...3_600), ("valid_s", validSeconds, 60...86_400),
            ("gas_limit", gasLimit, 21_000...10_000_000), ("max_fee_gwei", maxFeeGwei, 1...1_000_000),
            ("min_tip_gwei", minTipGwei, 0...maxFeeGwei), ("deposits_from", depositsFrom, 0...Int64.max),
        ]
        for (key, value, range) in ranges where !range.contains(value) {
            return (key, "is \(value), outside \(range.lowerBound) to \(range.upperBound)")
        }
        if tokens.isEmpty { return ("tokens", "must name at least one token") }
        for (index, token) in tokens.enumerated() {
            let place = "tokens[\(index)]"
            let digits = token.address.dropFirst(2)
            guard token.address.hasPrefix("0x"), digits.utf8.count == 40, digits.allSatisfy(\.isHexDigit)
            else {
                return (place + ".address", "must be '0x' and 40 hexadecimal characters")
            }
            if !Self.isName(token.symbol) {
                return (place + ".symbol", "must have 1 to 32 letters and digits")
            }
            if token.name.isEmpty || token.version.isEmpty {
                return (place, "must have the name and version of its signing domain (EIP-712)")
            }
            if !(0...18).contains(token.decimals) { return (place + ".decimals", "must be 0 to 18") }
            if min(token.maxPerPayment, token.maxPerDay, token.maxPerPeer) < 0 {
                return (place, "has a ceiling below zero")
            }
        }
        return nil
    }
}
