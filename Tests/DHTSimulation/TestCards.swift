// Cards for tests: really signed ones, and ones with a mark instead of a signature for large simulations.
// It must never be used where a test is about signatures, except to forge one.

public import DHTCore
public import NodeModel

public enum TestCards {
    public static func template(
        _ author: PublicKey, model: String = "smollm2", created: Int64, lifetime: Int64 = 1200,
        extra: [[String]] = []
    ) -> EventTemplate {
        var template = card(author, model: model, created: created, lifetime: lifetime).template
        template.tags += extra
        return template
    }

    private static func card(
        _ author: PublicKey, model: String, created: Int64, lifetime: Int64
    ) -> ProviderCard {
        ProviderCard(
            provider: author, endpoint: "ws://127.0.0.2:9202/peer",
            models: [
                ModelOffer(
                    name: model, root: root(model), context: 2048,
                    price: UnitPrice(prompt: 10, completion: 30))
            ], device: "cpu", memoryMiB: 8192, slots: 2, load: 0, createdAt: created,
            expiresAt: created + lifetime)
    }

    /// The card of provider `number`, to be changed and given to `fakeSigned`.
    public static func card(_ number: Int, created: Int64) -> ProviderCard {
        card(author(number), model: "smollm2", created: created, lifetime: 1200)
    }

    public static func author(_ number: Int) -> PublicKey {
        let bytes = (0..<32).map { UInt8(truncatingIfNeeded: $0 < 4 ? number >> (8 * $0) : 0x42) }
        guard let author = PublicKey(bytes: bytes) else { preconditionFailure("32 bytes are a key") }
        return author
    }

    /// The made-up content that a model name stands for in tests.
    public static func root(_ model: String) -> ContentRoot {
        var bytes = Array(model.utf8.prefix(32))
        bytes += [UInt8](repeating: 7, count: 32 - bytes.count)
        guard let root = ContentRoot(bytes: bytes) else { preconditionFailure("32 bytes are a root") }
        return root
    }

    private static let mark = [UInt8](repeating: 0xAB, count: 64)
    private static let markText = Hex.encode(mark)

    /// A card of provider `number` that only `isFakeSigned` takes for signed.
    public static func fake(
        _ number: Int, model: String = "smollm2", created: Int64, lifetime: Int64 = 1200
    ) -> SignedEvent {
        SignedEvent(
            template(author(number), model: model, created: created, lifetime: lifetime), signature: mark)
    }

    /// A card with the mark of `fake`.
    public static func fakeSigned(_ card: ProviderCard) -> SignedEvent {
        SignedEvent(card.template, signature: mark)
    }

    /// A status of provider `number` with the mark of `fake`.
    public static func fakeStatus(_ number: Int, challenge: String, busy: Int) -> SignedEvent {
        let status = ProviderStatus(
            provider: author(number), challenge: challenge, accepts: true, slots: 4, busy: busy, queued: 0,
            createdAt: 1_800_000_000)
        return SignedEvent(status.template, signature: mark)
    }

    /// Evidence of client `rater` on provider `subject`, both signatures of which are the mark of `fake`.
    public static func fakeEvidence(
        by rater: Int, on subject: Int, job: Int = 0, _ outcome: Evidence.Outcome = .ok, created: Int64
    ) -> SignedEvent {
        let foil = Counterfoil(
            provider: author(subject), client: author(rater),
            receipt: Digest(hashing: "\(rater) \(subject) \(job)"),
            usage: Usage(promptTokens: 30, completionTokens: 12), price: 54, asset: .testCredit,
            finishedAt: created)
        return SignedEvent(
            Evidence(counterfoil: foil, signature: mark, outcome: outcome, createdAt: created).template,
            signature: mark)
    }

    public static func isFakeSigned(_ record: CardRecord) -> Bool { record.event.sig == markText }
}
