// A receipt and its acceptance as Nostr events and back, in one form only.
// It must never accept an event that `template` would have written differently.

/// Why events are not a receipt, or not the acceptance of one.
public enum ReceiptError: Error, Hashable, Sendable {
    /// Not the kind of a receipt or an acceptance.
    case wrongKind(Int)
    /// Tags, or the content of an acceptance, are not of the one form.
    case wrongForm
    /// The content is not the canonical JSON of a receipt.
    case content(CanonicalJSONError)
    /// A version that this build does not know.
    case unknownVersion(Int)
    /// The event's author is not the provider in the receipt, or the client in the acceptance.
    case wrongAuthor
    /// A negative count, time or price.
    case negative(field: String)
    /// The price is not the unit price times the tokens.
    case wrongPrice(stated: Int64, computed: Int64?)
    /// The acceptance names another receipt.
    case otherReceipt
    /// The id or signature is wrong.
    case event(EventError)
}

extension ReceiptError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongKind(let kind): "an event of kind \(kind) is neither receipt nor acceptance"
        case .wrongForm: "the event's tags or content are not of the one form that is signed"
        case .content(let error): "the receipt's content is \(error)"
        case .unknownVersion(let version): "receipt version \(version) is unknown to this build"
        case .wrongAuthor: "the event is signed by another key than the document names"
        case .negative(let field): "\(field) is negative"
        case .wrongPrice(let stated, let computed):
            "the price is \(stated), but the tokens cost \(computed.map(String.init) ?? "more than can be counted")"
        case .otherReceipt: "the acceptance is of another receipt"
        case .event(let error): error.description
        }
    }
}

extension ReceiptBody {
    /// The version that this build writes and reads.
    public static let currentVersion = 1

    /// The event to be signed by the provider.
    ///
    /// - Parameter quote: the id of the quote that the job was taken on, where it cost money.
    public func template(quote: Digest? = nil) throws(ReceiptError) -> EventTemplate {
        try check()
        do {
            let content = String(decoding: try CanonicalJSON.encode(self), as: UTF8.self)
            return EventTemplate(
                pubkey: provider, createdAt: finishedAt, kind: EventKind.receipt,
                tags: [["p", client.hex]] + (quote.map { [["quote", $0.hex]] } ?? []), content: content)
        } catch { throw .content(error) }
    }

    /// The receipt in an event whose id and signature are checked here.
    public init(_ event: SignedEvent) throws(ReceiptError) {
        do { try event.verify() } catch { throw .event(error) }
        try self.init(unproven: event)
    }

    /// The receipt in an event whose signature has not been checked.
    public init(unproven event: SignedEvent) throws(ReceiptError) {
        guard event.kind == EventKind.receipt else { throw .wrongKind(event.kind) }
        do {
            self = try CanonicalJSON.decode(ReceiptBody.self, from: event.content.utf8)
        } catch { throw .content(error) }
        guard event.pubkey == provider else { throw .wrongAuthor }
        guard try template(quote: Self.quote(of: event)) == event.template else { throw .wrongForm }
    }

    /// The quote that a receipt names; nil where it names none.
    public static func quote(of receipt: SignedEvent) -> Digest? {
        receipt.onlyTag("quote").flatMap { Digest(hex: $0) }
    }

    /// Whether the numbers can be true: a known version, nothing negative, the price recomputed.
    public func check() throws(ReceiptError) {
        guard version == Self.currentVersion else { throw .unknownVersion(version) }
        let counts: [(String, Int64)] = [
            ("usage.prompt_tokens", usage.promptTokens), ("usage.completion_tokens", usage.completionTokens),
            ("timings.queue_ms", timings.queueMs), ("timings.load_ms", timings.loadMs),
            ("timings.first_token_ms", timings.firstTokenMs), ("timings.generate_ms", timings.generateMs),
            ("unit_price.prompt", unitPrice.prompt), ("unit_price.completion", unitPrice.completion),
            ("price", price), ("finished_at", finishedAt),
        ]
        for (field, value) in counts where value < 0 { throw .negative(field: field) }
        let computed = unitPrice.total(
            promptTokens: usage.promptTokens, completionTokens: usage.completionTokens)
        guard computed == price else { throw .wrongPrice(stated: price, computed: computed) }
    }
}

/// The client's signature under a receipt.
public enum Acceptance {
    /// The event to be signed by the client of `receipt`.
    public static func template(receipt: SignedEvent, body: ReceiptBody, acceptedAt: Int64) -> EventTemplate {
        EventTemplate(
            pubkey: body.client, createdAt: acceptedAt, kind: EventKind.acceptance,
            tags: [["e", receipt.id], ["p", body.provider.hex]])
    }

    /// Checks id, signature, author and form of an acceptance of `receipt`, whose body is `body`.
    public static func check(
        _ event: SignedEvent, receipt: SignedEvent, body: ReceiptBody
    ) throws(ReceiptError) {
        guard event.kind == EventKind.acceptance else { throw .wrongKind(event.kind) }
        guard event.pubkey == body.client else { throw .wrongAuthor }
        guard event.onlyTag("e") == receipt.id else { throw .otherReceipt }
        guard template(receipt: receipt, body: body, acceptedAt: event.createdAt) == event.template else {
            throw .wrongForm
        }
        do { try event.verify() } catch { throw .event(error) }
    }
}
