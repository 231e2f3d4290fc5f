// A client's word on a provider's work, for everybody: that a job went well, or that its answer failed verification. It holds
// both signatures: the client's, as the event's author, and the provider's, under the counterfoil of the receipt.
// It must never tell what the job was, nor count without the provider's signature: anybody can speak ill of anybody.

/// One piece of evidence.
public struct Evidence: Hashable, Sendable {
    /// What came of the job.
    public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        /// The client accepted the receipt.
        case ok
        /// The receipt or the answer failed the client's verification.
        case wrong
    }

    /// What the provider signed; its client is the rater.
    public var counterfoil: Counterfoil
    /// The provider's signature under it, 64 bytes.
    public var signature: [UInt8]
    public var outcome: Outcome
    /// Unix seconds, by the client's clock.
    public var createdAt: Int64

    /// The client, who says this.
    public var rater: PublicKey { counterfoil.client }
    /// The provider, about whom it is said.
    public var subject: PublicKey { counterfoil.provider }

    /// How old evidence may be, in seconds: failures count half after 90 days.
    public static let longestLife: Int64 = 180 * 86_400
    /// How far ahead of our clock it may have been made, in seconds.
    public static let clockSkew: Int64 = 120

    /// Evidence from its parts.
    public init(counterfoil: Counterfoil, signature: [UInt8], outcome: Outcome, createdAt: Int64) {
        self.counterfoil = counterfoil
        self.signature = signature
        self.outcome = outcome
        self.createdAt = createdAt
    }

    /// The event to be signed by the client: kind 7865.
    public var template: EventTemplate {
        EventTemplate(
            pubkey: rater, createdAt: createdAt, kind: EventKind.evidence,
            tags: [["e", counterfoil.receipt.hex], ["p", subject.hex]] + counterfoil.workTags + [
                ["finished", String(counterfoil.finishedAt)], ["outcome", outcome.rawValue],
                ["counterfoil", Hex.encode(signature)],
            ])
    }

    /// Reads evidence; neither signature is checked here.
    /// - Returns: nil when the event is not evidence of the one form that `template` writes.
    public init?(unproven event: SignedEvent) {
        guard event.kind == EventKind.evidence, event.content.isEmpty, event.tags.count == 7,
            let receipt = event.onlyTag("e").flatMap(Digest.init(hex:)),
            let subject = event.onlyTag("p").flatMap(PublicKey.init(hex:)),
            let price = event.tags.first(where: { $0.first == "price" }), price.count == 3,
            let amount = Int64(price[1]),
            let tokens = event.tags.first(where: { $0.first == "tokens" }), tokens.count == 3,
            let prompt = Int64(tokens[1]), let completion = Int64(tokens[2]),
            let finished = event.onlyTag("finished").flatMap({ Int64($0) }),
            let outcome = event.onlyTag("outcome").flatMap(Outcome.init(rawValue:)),
            let signature = event.onlyTag("counterfoil").flatMap({ Hex.decode($0, count: 64) })
        else { return nil }
        self.init(
            counterfoil: Counterfoil(
                provider: subject, client: event.pubkey, receipt: receipt,
                usage: Usage(promptTokens: prompt, completionTokens: completion), price: amount,
                asset: Asset(rawValue: price[2]), finishedAt: finished),
            signature: signature, outcome: outcome, createdAt: event.createdAt)
        guard counterfoil.isPlausible, createdAt >= finished - Self.clockSkew, template == event.template
        else {
            return nil
        }
    }

    /// Evidence whose two signatures hold.
    /// - Returns: nil when one of them does not, or the event has another form.
    public init?(_ event: SignedEvent) {
        self.init(unproven: event)
        guard (try? event.verify()) != nil, isCountersigned else { return nil }
    }

    /// Whether the provider signed the counterfoil; the client's signature is the event's own.
    public var isCountersigned: Bool { counterfoil.isSigned(signature) }

    /// Whether it counts at this time.
    public func isCurrent(unixNow: Int64) -> Bool {
        createdAt <= unixNow + Self.clockSkew && createdAt > unixNow - Self.longestLife
    }
}
