// A provider's word on a price: this job of this client costs so much at most, paid in one of these ways, until then. It is
// neither a place in line nor a promise to work. It must never be read in another form than the one that `template` writes.

/// What a provider signs before a job that costs money.
public struct Quote: Hashable, Sendable {
    /// A way to pay.
    public enum Rail: String, Sendable, CaseIterable {
        /// By a voucher on a channel between the two nodes.
        case batchSettlement = "x402 batch-settlement"
        /// From credit that was paid ahead.
        case credit
    }

    /// How answers may be checked, to which the provider agrees.
    public enum Verification: String, Sendable, CaseIterable {
        /// The client's own engine reads the answer again, and tells how likely each word of it was.
        case likelihoods
    }

    /// How long a quote holds, in seconds: from the price to the job, on two clocks that are a minute apart.
    public static let life: Int64 = 120
    /// The longest that a client believes in.
    public static let longestLife: Int64 = 3_600
    /// How far two nodes' clocks may be apart, in seconds.
    public static let clockSkew: Int64 = 60
    /// The fewest tokens that one voucher may pay: fewer would be a signature for each word.
    public static let leastChunk = 16

    public var provider: PublicKey
    public var client: PublicKey
    public var terms: QuoteTerms
    /// At least one, each once.
    public var rails: [Rail]
    public var verification: Verification
    /// How many tokens of the answer each voucher pays, where one does not pay for all; vouchers alone are so divided.
    public var chunk: Int?
    /// Unix seconds, by the provider's clock.
    public var createdAt: Int64
    public var expiresAt: Int64

    /// A quote from its parts.
    public init(
        provider: PublicKey, client: PublicKey, terms: QuoteTerms, rails: [Rail],
        verification: Verification = .likelihoods, chunk: Int? = nil, createdAt: Int64, expiresAt: Int64
    ) {
        self.chunk = chunk
        self.provider = provider
        self.client = client
        self.terms = terms
        self.rails = rails
        self.verification = verification
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    /// The most that the job may cost, in the asset's smallest unit.
    public var ceiling: Int64 { terms.ceiling ?? 0 }

    /// The most that the prompt and so many tokens of the answer may cost: up to where vouchers cover the job.
    public func amount(tokens: Int) -> Int64 { terms.amount(tokens: tokens) ?? 0 }

    /// How many tokens of the answer an amount covers, its prompt with them.
    public func tokens(for amount: Int64) -> Int64 {
        let (rest, price) = (amount - self.amount(tokens: 0), terms.unitPrice.completion)
        if amount >= ceiling || price == 0 { return Int64(terms.maxTokens) }
        return max(0, rest / price)
    }

    /// What must be covered before the job begins: the prompt, and the tokens that the first voucher pays.
    public var first: Int64 { amount(tokens: firstTokens) }
    public var firstTokens: Int { chunk ?? terms.maxTokens }

    /// The event to be signed by the provider: kind 7871.
    public var template: EventTemplate {
        let price = terms.unitPrice
        return EventTemplate(
            pubkey: provider, createdAt: createdAt, kind: EventKind.quote,
            tags: [
                ["p", client.hex], ["job", terms.job.text],
                ["payload", terms.payload.hex, String(terms.size)], ["model", terms.modelRoot.hex],
                ["price", String(price.prompt), String(price.completion), price.asset.rawValue],
                ["max_tokens", String(terms.maxTokens)], ["ceiling", String(ceiling)],
                ["rails"] + rails.map(\.rawValue), ["verification", verification.rawValue],
                ["expiration", String(expiresAt)],
            ] + (chunk.map { [["chunk", String($0)]] } ?? []))
    }

    /// Reads a quote; its signature is not checked here.
    /// - Returns: nil when the event is not one of the one form that `template` writes.
    public init?(unproven event: SignedEvent) {
        guard event.kind == EventKind.quote, event.content.isEmpty, (10...11).contains(event.tags.count),
            let client = event.onlyTag("p").flatMap(PublicKey.init(hex:)),
            let job = event.onlyTag("job").flatMap(JobID.init(_:)), event.tags[2].count == 3,
            let payload = Digest(hex: event.tags[2][1]), let size = Int(event.tags[2][2]),
            let root = event.onlyTag("model").flatMap(ContentRoot.init(hex:)), event.tags[4].count == 4,
            let prompt = Int64(event.tags[4][1]), let completion = Int64(event.tags[4][2]),
            let maxTokens = event.onlyTag("max_tokens").flatMap({ Int($0) }),
            (2...1 + Rail.allCases.count).contains(event.tags[7].count),
            let verification = event.onlyTag("verification").flatMap(Verification.init(rawValue:)),
            let expiresAt = event.onlyTag("expiration").flatMap({ Int64($0) })
        else { return nil }
        self.init(
            provider: event.pubkey, client: client,
            terms: QuoteTerms(
                job: job, modelRoot: root, payload: payload, size: size,
                unitPrice: UnitPrice(
                    asset: Asset(rawValue: event.tags[4][3]), prompt: prompt, completion: completion),
                maxTokens: maxTokens), rails: event.tags[7].dropFirst().compactMap(Rail.init(rawValue:)),
            verification: verification, chunk: event.tags.count == 11 ? Int(event.tags[10].last ?? "") : nil,
            createdAt: event.createdAt, expiresAt: expiresAt)
        guard isPlausible, template == event.template else { return nil }
    }

    /// A quote that its provider signed.
    /// - Returns: nil when the signature does not hold, or the event has another form.
    public init?(_ event: SignedEvent) {
        self.init(unproven: event)
        guard (try? event.verify()) != nil else { return nil }
    }

    private var isPlausible: Bool {
        client != provider && terms.isPlausible && !rails.isEmpty && Set(rails).count == rails.count
            && chunk.map {
                rails == [.batchSettlement] && $0 >= Self.leastChunk && $0 < terms.maxTokens
            } ?? true && createdAt >= 0 && expiresAt > createdAt && expiresAt - createdAt <= Self.longestLife
    }

    /// In what this differs from what was asked for; nil when it is that.
    public func difference(
        provider: PublicKey, client: PublicKey, terms: QuoteTerms, rail: Rail
    ) -> String? {
        if self.provider != provider { return "its author is another node" }
        if self.client != client { return "'p' names another client" }
        if self.terms.job != terms.job { return "'job' is another job" }
        if self.terms.payload != terms.payload || self.terms.size != terms.size {
            return "'payload' is another payload"
        }
        if self.terms.modelRoot != terms.modelRoot { return "'model' is another model" }
        if self.terms.unitPrice != terms.unitPrice { return "'price' is another price" }
        if self.terms.maxTokens != terms.maxTokens { return "'max_tokens' is another length" }
        if !rails.contains(rail) { return "'rails' does not name '\(rail.rawValue)'" }
        return nil
    }

    /// Whether it holds at this time, by the clock of who made it.
    public func isCurrent(unixNow: Int64) -> Bool { unixNow < expiresAt }
}

extension Asset {
    /// How jobs that cost this are paid; nil for test credits, which nobody pays.
    public var rail: Quote.Rail? {
        if self == .testCredit { return nil }
        return isLightning ? .credit : .batchSettlement
    }
}
