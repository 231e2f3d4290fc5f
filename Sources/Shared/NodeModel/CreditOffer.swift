// A provider's word on an invoice: once it is paid, so much is credit of this client. With the preimage, which only who paid
// it has, it proves what the provider owes.
// It must never be believed about an invoice of another hash or amount.

/// What a provider signs beside an invoice.
public struct CreditOffer: Hashable, Sendable {
    public var provider: PublicKey
    public var client: PublicKey
    public var asset: Asset
    /// In the asset's smallest unit.
    public var amount: Int64
    /// The invoice's payment hash.
    public var hash: Digest
    /// Whether the client drew the hash: then the preimage proves nothing of a payment, and only the provider can say more.
    public var isHeld: Bool
    /// Unix seconds, by the provider's clock.
    public var createdAt: Int64

    /// An offer from its parts.
    public init(
        provider: PublicKey, client: PublicKey, asset: Asset, amount: Int64, hash: Digest,
        isHeld: Bool = false,
        createdAt: Int64
    ) {
        self.isHeld = isHeld
        self.provider = provider
        self.client = client
        self.asset = asset
        self.amount = amount
        self.hash = hash
        self.createdAt = createdAt
    }

    /// The event to be signed by the provider: kind 7869.
    public var template: EventTemplate {
        EventTemplate(
            pubkey: provider, createdAt: createdAt, kind: EventKind.creditOffer,
            tags: [
                ["p", client.hex], ["credit", String(amount), asset.rawValue],
                ["hash", hash.hex] + (isHeld ? ["held"] : []),
            ])
    }

    /// Reads an offer; its signature is not checked here.
    /// - Returns: nil when the event is not one of the one form that `template` writes.
    public init?(unproven event: SignedEvent) {
        guard event.kind == EventKind.creditOffer, event.content.isEmpty, event.tags.count == 3,
            let client = event.onlyTag("p").flatMap(PublicKey.init(hex:)), event.tags[1].count == 3,
            let amount = Int64(event.tags[1][1]), amount > 0,
            let hash = event.onlyTag("hash").flatMap(Digest.init(hex:))
        else { return nil }
        self.init(
            provider: event.pubkey, client: client, asset: Asset(rawValue: event.tags[1][2]), amount: amount,
            hash: hash, isHeld: event.tags[2].count > 2, createdAt: event.createdAt)
        guard client != provider, createdAt >= 0, asset.rawValue.utf8.count <= Counterfoil.longestAsset,
            asset.isLightning, asset.isWellFormed, template == event.template
        else { return nil }
    }

    /// An offer that its provider signed.
    /// - Returns: nil when the signature does not hold, or the event has another form.
    public init?(_ event: SignedEvent) {
        self.init(unproven: event)
        guard (try? event.verify()) != nil else { return nil }
    }
}
