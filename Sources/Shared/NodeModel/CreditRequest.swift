// What a client asks of a provider about credit, under its own key: an invoice to buy some, the preimage of one that is held,
// or what is left of it back.
// It must never be answered without its signature: whoever carries it could take another's money.

/// A client's request about its credit with one provider.
public struct CreditRequest: Hashable, Sendable {
    /// What it wants. Amounts are in the asset's smallest unit.
    public enum Wish: Hashable, Sendable {
        /// An invoice, which becomes credit when it is paid.
        case buy(Int64)
        /// The same on a hash that the client drew: what is paid is held until the client reveals the preimage.
        case hold(Int64, Digest)
        /// The preimage of this hash, encrypted to the provider (NIP-44): what is held may be taken.
        case reveal(Digest, sealed: String)
        /// An invoice of the client's paid out of its credit; the way there may cost so much, out of the credit too.
        case back(Int64, fee: Int64, invoice: String)
    }

    public var client: PublicKey
    public var provider: PublicKey
    public var asset: Asset
    public var wish: Wish
    /// Unix seconds, by the client's clock.
    public var createdAt: Int64

    /// The longest invoice, in bytes.
    public static let longestInvoice = 2_048
    /// The longest encrypted preimage, in bytes.
    public static let longestSealed = 256
    /// How old a request may be, and how far ahead of the provider's clock, in seconds.
    public static let longestLife: Int64 = 86_400
    public static let clockSkew: Int64 = 120

    /// A request from its parts.
    public init(
        client: PublicKey, provider: PublicKey, asset: Asset, wish: Wish, createdAt: Int64
    ) {
        self.client = client
        self.provider = provider
        self.asset = asset
        self.wish = wish
        self.createdAt = createdAt
    }

    /// The event to be signed by the client: kind 7868.
    public var template: EventTemplate {
        var tags = [["p", provider.hex]]
        switch wish {
        case .buy(let amount): tags.append(["buy", String(amount), asset.rawValue])
        case .hold(let amount, let hash):
            tags += [["hold", String(amount), asset.rawValue], ["hash", hash.hex]]
        case .reveal(let hash, let sealed): tags.append(["reveal", hash.hex, sealed, asset.rawValue])
        case .back(let amount, let fee, let invoice):
            tags += [["back", String(amount), String(fee), asset.rawValue], ["invoice", invoice]]
        }
        return EventTemplate(
            pubkey: client, createdAt: createdAt, kind: EventKind.creditRequest, tags: tags)
    }

    /// Reads a request; its signature is not checked here.
    /// - Returns: nil when the event is not one of the one form that `template` writes.
    public init?(unproven event: SignedEvent) {
        guard event.kind == EventKind.creditRequest, event.content.isEmpty, event.tags.count >= 2,
            let provider = event.onlyTag("p").flatMap(PublicKey.init(hex:))
        else { return nil }
        let words = event.tags[1]
        let (wish, asset): (Wish, String)
        switch (words.first, words.count) {
        case ("buy", 3):
            guard let amount = Int64(words[1]) else { return nil }
            (wish, asset) = (.buy(amount), words[2])
        case ("hold", 3):
            guard let amount = Int64(words[1]), let hash = event.onlyTag("hash").flatMap(Digest.init(hex:))
            else { return nil }
            (wish, asset) = (.hold(amount, hash), words[2])
        case ("reveal", 4):
            guard let hash = Digest(hex: words[1]) else { return nil }
            (wish, asset) = (.reveal(hash, sealed: words[2]), words[3])
        case ("back", 4):
            guard let amount = Int64(words[1]), let fee = Int64(words[2]),
                let invoice = event.onlyTag("invoice")
            else { return nil }
            (wish, asset) = (.back(amount, fee: fee, invoice: invoice), words[3])
        default: return nil
        }
        self.init(
            client: event.pubkey, provider: provider, asset: Asset(rawValue: asset), wish: wish,
            createdAt: event.createdAt)
        guard isPlausible, template == event.template else { return nil }
    }

    /// A request that its client signed.
    /// - Returns: nil when the signature does not hold, or the event has another form.
    public init?(_ event: SignedEvent) {
        self.init(unproven: event)
        guard (try? event.verify()) != nil else { return nil }
    }

    private var isPlausible: Bool {
        guard client != provider, createdAt >= 0, asset.rawValue.utf8.count <= Counterfoil.longestAsset,
            asset.isLightning, asset.isWellFormed
        else { return false }
        switch wish {
        case .buy(let amount), .hold(let amount, _): return amount > 0
        case .reveal(_, let sealed): return !sealed.isEmpty && sealed.utf8.count <= Self.longestSealed
        case .back(let amount, let fee, let invoice):
            return amount > 0 && fee >= 0 && !invoice.isEmpty && invoice.utf8.count <= Self.longestInvoice
        }
    }

    /// Whether it still counts.
    public func isCurrent(unixNow: Int64) -> Bool {
        createdAt <= unixNow + Self.clockSkew && createdAt > unixNow - Self.longestLife
    }
}
