// A client draws on its credit: for one job, so much at most. What the job cost is in its receipt.
// It must never pay for another job than the one it names.

/// What a client signs before a job that is paid from credit.
public struct CreditNote: Hashable, Sendable {
    public var client: PublicKey
    public var provider: PublicKey
    public var job: JobID
    public var asset: Asset
    /// The most that the job may cost, in the asset's smallest unit.
    public var ceiling: Int64
    /// The purchase that it draws on, where its payment is still held: by its payment hash.
    public var held: Digest?
    /// Unix seconds, by the client's clock.
    public var createdAt: Int64

    /// The longest that it can be as JSON, in bytes.
    public static let longestText = 2_048

    /// A note from its parts.
    public init(
        client: PublicKey, provider: PublicKey, job: JobID, asset: Asset, ceiling: Int64, held: Digest? = nil,
        createdAt: Int64
    ) {
        self.held = held
        self.client = client
        self.provider = provider
        self.job = job
        self.asset = asset
        self.ceiling = ceiling
        self.createdAt = createdAt
    }

    /// The event to be signed by the client: kind 7870.
    public var template: EventTemplate {
        EventTemplate(
            pubkey: client, createdAt: createdAt, kind: EventKind.creditNote,
            tags: [["p", provider.hex], ["job", job.text], ["ceiling", String(ceiling), asset.rawValue]]
                + (held.map { [["hash", $0.hex]] } ?? []))
    }

    /// Reads a note; its signature is not checked here.
    /// - Returns: nil when the event is not one of the one form that `template` writes.
    public init?(unproven event: SignedEvent) {
        guard event.kind == EventKind.creditNote, event.content.isEmpty, event.tags.count >= 3,
            let provider = event.onlyTag("p").flatMap(PublicKey.init(hex:)),
            let job = event.onlyTag("job").flatMap(JobID.init(_:)), event.tags[2].count == 3,
            let ceiling = Int64(event.tags[2][1]), ceiling > 0
        else { return nil }
        self.init(
            client: event.pubkey, provider: provider, job: job, asset: Asset(rawValue: event.tags[2][2]),
            ceiling: ceiling, held: event.onlyTag("hash").flatMap(Digest.init(hex:)),
            createdAt: event.createdAt)
        guard client != provider, createdAt >= 0, asset.rawValue.utf8.count <= Counterfoil.longestAsset,
            asset.isLightning, asset.isWellFormed, template == event.template
        else { return nil }
    }

    /// A note that its client signed.
    /// - Returns: nil when the signature does not hold, or the event has another form.
    public init?(_ event: SignedEvent) {
        self.init(unproven: event)
        guard (try? event.verify()) != nil else { return nil }
    }

    /// A note as it travels: its event as canonical JSON.
    /// - Returns: nil when it is not that, or not signed by its client.
    public init?(text: String) {
        guard text.utf8.count <= Self.longestText,
            let event = try? CanonicalJSON.decode(SignedEvent.self, from: Array(text.utf8))
        else { return nil }
        self.init(event)
    }
}
