// The receipt of a job: what ran, on what, for how much; signed by the provider, accepted by the client.
// It must never contain the prompt or the answer, only their hashes.

/// What a provider signs after a job; the content of an event of kind 7860, as canonical JSON.
public struct ReceiptBody: Hashable, Sendable, Codable {
    public var version: Int
    public var job: JobID
    public var provider: PublicKey
    public var client: PublicKey
    /// The model's name as asked for, and the content that ran.
    public var model: String
    public var modelRoot: ContentRoot
    /// The engine's image id, `sha256:` and 64 hexadecimal characters.
    public var image: String
    /// SHA-256 of the request in canonical JSON.
    public var requestHash: Digest
    /// SHA-256 of the whole answer's UTF-8.
    public var resultHash: Digest
    public var usage: Usage
    public var timings: StageTimings
    public var finish: FinishReason
    public var unitPrice: UnitPrice
    /// In micro-units of the asset: `unitPrice` times `usage`, nothing else.
    public var price: Int64
    /// Unix seconds.
    public var finishedAt: Int64

    enum CodingKeys: String, CodingKey {
        case version, job, provider, client, model, image, usage, timings, finish, price
        case modelRoot = "model_root"
        case requestHash = "request_hash"
        case resultHash = "result_hash"
        case unitPrice = "unit_price"
        case finishedAt = "finished_at"
    }

    public init(
        job: JobID, provider: PublicKey, client: PublicKey, model: String, modelRoot: ContentRoot,
        image: String,
        requestHash: Digest, resultHash: Digest, usage: Usage, timings: StageTimings, finish: FinishReason,
        unitPrice: UnitPrice, price: Int64, finishedAt: Int64
    ) {
        version = 1
        self.job = job
        self.provider = provider
        self.client = client
        self.model = model
        self.modelRoot = modelRoot
        self.image = image
        self.requestHash = requestHash
        self.resultHash = resultHash
        self.usage = usage
        self.timings = timings
        self.finish = finish
        self.unitPrice = unitPrice
        self.price = price
        self.finishedAt = finishedAt
    }

    /// Whether the price is exactly what the counted tokens cost.
    public var priceIsRight: Bool {
        unitPrice.total(promptTokens: usage.promptTokens, completionTokens: usage.completionTokens) == price
    }
}

/// A receipt with both signatures: the file that a person keeps and verifies offline.
public struct ReceiptBundle: Hashable, Sendable, Codable {
    public var receipt: SignedEvent
    /// Absent until the client has accepted.
    public var acceptance: SignedEvent?

    public init(receipt: SignedEvent, acceptance: SignedEvent?) {
        self.receipt = receipt
        self.acceptance = acceptance
    }
}
