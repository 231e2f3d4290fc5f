// Where a provider is paid in money of a chain, and what a job may cost at most: said on its card, computed on both sides.
// It must never be believed but from the provider's own signed card.

/// The account that a provider's channels pay, and what they must be like.
public struct PayTo: Hashable, Sendable, Codable {
    /// Seconds that a payer waits who wants its money back.
    public static let delays: ClosedRange<Int64> = 900...2_592_000

    /// `0x` and 40 hexadecimal characters.
    public var address: String
    public var withdrawDelay: Int64

    enum CodingKeys: String, CodingKey {
        case address
        case withdrawDelay = "withdraw_delay_s"
    }

    public init(address: String, withdrawDelay: Int64) {
        self.address = address
        self.withdrawDelay = withdrawDelay
    }

    /// Whether it has the form; the checksum is ledger-d's to read.
    public var isPlausible: Bool {
        address.utf8.count == 42 && address.hasPrefix("0x") && address.dropFirst(2).allSatisfy(\.isHexDigit)
            && address.allSatisfy(\.isASCII) && Self.delays.contains(withdrawDelay)
    }
}

extension UnitPrice {
    /// Tokens that a template may add to a prompt.
    private static let templateTokens = 512

    /// The most that a sealed job can cost: a token has at least one byte. Both sides compute it, from what both see.
    ///
    /// - Parameters:
    ///   - sealed: the request in base64, sealed.
    ///   - maxTokens: the longest answer.
    public func ceiling(sealed: String, maxTokens: Int) -> Int64? {
        ceiling(size: sealed.utf8.count, maxTokens: maxTokens)
    }

    /// The same for a sealed request of which only its length in base64 is known.
    public func ceiling(size: Int, maxTokens: Int) -> Int64? {
        total(
            promptTokens: Int64(size / 4 * 3 + Self.templateTokens), completionTokens: Int64(maxTokens))
    }
}
