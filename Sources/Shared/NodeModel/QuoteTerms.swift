// What a client asks a price for: one job, by the hash of its sealed payload. Both sides compute from it what it costs at most.
// It must never hold what was asked: the payload is named by its hash and its size.

/// The work that a quote is for.
public struct QuoteTerms: Hashable, Sendable, Codable {
    /// The largest payload, in bytes of base64.
    public static let largestPayload = 4 * 1024 * 1024
    /// The longest answer that a job may agree on, in tokens.
    public static let longestAnswer = 1 << 24

    public var job: JobID
    public var modelRoot: ContentRoot
    /// SHA-256 of the sealed request as it travels, in base64.
    public var payload: Digest
    /// How long that is, in bytes.
    public var size: Int
    public var unitPrice: UnitPrice
    /// The longest answer, in tokens.
    public var maxTokens: Int

    enum CodingKeys: String, CodingKey {
        case job, payload, size
        case modelRoot = "model_root"
        case unitPrice = "unit_price"
        case maxTokens = "max_tokens"
    }

    public init(
        job: JobID, modelRoot: ContentRoot, payload: Digest, size: Int, unitPrice: UnitPrice, maxTokens: Int
    ) {
        self.job = job
        self.modelRoot = modelRoot
        self.payload = payload
        self.size = size
        self.unitPrice = unitPrice
        self.maxTokens = maxTokens
    }

    /// The terms of a job with this payload.
    public init(
        job: JobID, modelRoot: ContentRoot, payload: SealedPayload, unitPrice: UnitPrice, maxTokens: Int
    ) {
        self.init(
            job: job, modelRoot: modelRoot, payload: Digest(hashing: payload.ciphertext),
            size: payload.ciphertext.utf8.count, unitPrice: unitPrice, maxTokens: maxTokens)
    }

    /// The most that the job can cost; nil when that cannot be counted.
    public var ceiling: Int64? { unitPrice.ceiling(size: size, maxTokens: maxTokens) }

    /// The most that the prompt and so many tokens of the answer can cost.
    public func amount(tokens: Int) -> Int64? {
        unitPrice.ceiling(size: size, maxTokens: min(max(0, tokens), maxTokens))
    }

    /// Whether the numbers can be those of a job that costs money.
    public var isPlausible: Bool {
        (1...Self.largestPayload).contains(size) && (1...Self.longestAnswer).contains(maxTokens)
            && unitPrice.asset != .testCredit && unitPrice.asset.isWellFormed
            && unitPrice.asset.rawValue.utf8.count <= Counterfoil.longestAsset && (ceiling ?? 0) > 0
    }
}
