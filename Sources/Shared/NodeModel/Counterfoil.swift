// What a provider signs beside a receipt: that it worked for this client, how much and for what price. A receipt cannot be
// shown around: it holds the hashes of prompt and answer, and a short answer can be guessed from its hash.
// It must never tell what the work was.

/// The part of a receipt that may be published.
public struct Counterfoil: Hashable, Sendable {
    public var provider: PublicKey
    public var client: PublicKey
    /// The receipt's id: the hash of all that is in it, the job's drawn number among it, so that nothing can be guessed from it.
    public var receipt: Digest
    public var usage: Usage
    /// In micro-units of the asset.
    public var price: Int64
    public var asset: Asset
    /// Unix seconds.
    public var finishedAt: Int64

    /// The longest name of an asset, in bytes.
    public static let longestAsset = 128

    /// A counterfoil from its parts.
    public init(
        provider: PublicKey, client: PublicKey, receipt: Digest, usage: Usage, price: Int64, asset: Asset,
        finishedAt: Int64
    ) {
        self.provider = provider
        self.client = client
        self.receipt = receipt
        self.usage = usage
        self.price = price
        self.asset = asset
        self.finishedAt = finishedAt
    }

    /// The counterfoil of a receipt whose body is `body`.
    /// - Returns: nil for work that a node did for itself, which nobody else has to hear of, and for an id that is none.
    public init?(_ receipt: SignedEvent, _ body: ReceiptBody) {
        guard body.client != body.provider, let id = Digest(hex: receipt.id) else { return nil }
        self.init(
            provider: body.provider, client: body.client, receipt: id, usage: body.usage, price: body.price,
            asset: body.unitPrice.asset, finishedAt: body.finishedAt)
        guard isPlausible else { return nil }
    }

    /// The event to be signed by the provider: kind 7864. Only its signature travels, as the rest follows from the parts.
    public var template: EventTemplate {
        EventTemplate(
            pubkey: provider, createdAt: finishedAt, kind: EventKind.counterfoil,
            tags: [["e", receipt.hex], ["p", client.hex]] + workTags)
    }

    /// What was done, as tags: the same here and in evidence.
    var workTags: [[String]] {
        [
            ["price", String(price), asset.rawValue],
            ["tokens", String(usage.promptTokens), String(usage.completionTokens)],
        ]
    }

    /// Whether its provider signed it.
    public func isSigned(_ signature: [UInt8]) -> Bool {
        Schnorr.verify(signature: signature, message: template.computedID(), publicKey: provider.bytes)
    }

    /// Whether the numbers can be true.
    public var isPlausible: Bool {
        provider != client && usage.promptTokens >= 0 && usage.completionTokens >= 0 && price >= 0
            && finishedAt >= 0 && asset.rawValue.utf8.count <= Self.longestAsset && asset.isWellFormed
    }
}
