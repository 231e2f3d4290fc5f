// What this node's key may sign, as a pure decision: an intent and the time in, bytes or a refusal out.
// It must never see the key, the disk or a clock; and there is no intent that is a bare digest.

import NodeModel
import Nostr
import Wire

/// The rules for one node.
struct SigningPolicy: Sendable {
    /// How far a time that a caller states may lie ahead of ours, in seconds.
    static let clockSkew: Int64 = 60
    /// How old a job may be when its receipt is signed or accepted, in seconds.
    static let oldestJob: Int64 = 86_400
    /// The longest answer that a job may agree on, in tokens.
    static let longestAnswer = QuoteTerms.longestAnswer

    let node: PublicKey
    /// The keys that this one follows: what they have earned is still paid.
    var former: Set<PublicKey> = []
    /// In what this node deals besides test credits.
    var assets: Set<Asset> = []
    /// Where it is paid.
    var payTo: PayTo?

    /// This node's half of a mutual authentication.
    func peerAuthentication(
        challenge: String, peer: PublicKey, endpoint: String, dialer: Bool, now: Int64
    ) throws(WireError) -> EventTemplate {
        guard PeerAuthentication.isChallenge(challenge) else {
            throw refusal("challenge", "it is not 64 lower-case hexadecimal characters", challenge)
        }
        guard PeerAuthentication.isEndpoint(endpoint) else {
            throw refusal(
                "endpoint", "it is not a ws:// or wss:// address of at most 200 printable characters",
                endpoint)
        }
        guard peer != node else { throw refusal("peer", "it is this node itself", peer.hex) }
        guard Schnorr.isValidPublicKey(peer.bytes) else {
            throw refusal("peer", "it is not a key on the curve", peer.hex)
        }
        guard
            let bound = PeerAuthentication(
                endpoint: endpoint, challenge: challenge, reader: peer, side: dialer ? .dialer : .listener)
        else { throw refusal("challenge", "it does not have its form", challenge) }
        return bound.template(author: node, now: now)
    }

    /// Who asks a relay; `author` is whose key uses it.
    func relayAuthentication(
        author: PublicKey, relay: String, challenge: String, now: Int64
    ) throws(WireError) -> EventTemplate {
        guard RelayAuthentication.isChallenge(challenge) else {
            throw refusal("challenge", "it is not 1 to 256 printable characters", challenge)
        }
        guard PeerAuthentication.isEndpoint(relay) else {
            throw refusal(
                "relay", "it is not a ws:// or wss:// address of at most 200 printable characters", relay)
        }
        return RelayAuthentication.template(author: author, relay: relay, challenge: challenge, now: now)
    }

    /// This node's card.
    func card(_ card: ProviderCard, now: Int64) throws(WireError) -> EventTemplate {
        guard card.provider == node else {
            throw refusal("card.provider", "it is another node's key", card.provider.hex)
        }
        guard card.createdAt <= now + Self.clockSkew, card.createdAt >= now - Self.clockSkew else {
            throw refusal(
                "card.created_at", "it is more than \(Self.clockSkew) s away from now", "\(card.createdAt)")
        }
        guard card.expiresAt > now else {
            throw refusal("card.expires_at", "it has passed", "\(card.expiresAt)")
        }
        guard card.expiresAt <= now + ProviderCard.maximumLifetime else {
            throw refusal(
                "card.expires_at", "it is more than \(ProviderCard.maximumLifetime) s ahead",
                "\(card.expiresAt)")
        }
        guard PeerAuthentication.isEndpoint(card.endpoint) else {
            throw refusal("card.endpoint", "it is not a ws:// or wss:// address", card.endpoint)
        }
        for price in card.models.map(\.price) {
            try asset(price)
            guard
                price.asset == .testCredit || price.asset.isLightning
                    || (card.payTo != nil && card.payTo == payTo)
            else {
                throw refusal("card.pay_to", "it is not where this node is paid", card.payTo?.address)
            }
        }
        // Whoever reads the event must find this card in it, and no other.
        let template = card.template
        guard card.isPlausible, ProviderCard(SignedEvent(template, signature: [])) == card else {
            throw refusal("card", "its numbers or names cannot be read back as they were written", nil)
        }
        return template
    }

    /// All that this node says of itself.
    func descriptor(_ descriptor: ProviderDescriptor, now: Int64) throws(WireError) -> EventTemplate {
        guard descriptor.provider == node else {
            throw refusal("descriptor.provider", "it is another node's key", descriptor.provider.hex)
        }
        guard descriptor.createdAt <= now + Self.clockSkew, descriptor.createdAt >= now - Self.clockSkew
        else {
            throw refusal(
                "descriptor.created_at", "it is more than \(Self.clockSkew) s away from now",
                "\(descriptor.createdAt)")
        }
        guard descriptor.endpoints.allSatisfy(PeerAuthentication.isEndpoint) else {
            throw refusal(
                "descriptor.endpoints", "one is not a ws:// or wss:// address",
                descriptor.endpoints.joined(separator: " "))
        }
        for price in descriptor.models.map(\.price) {
            try asset(price)
            guard
                price.asset == .testCredit || price.asset.isLightning
                    || (descriptor.payTo != nil && descriptor.payTo == payTo)
            else {
                throw refusal(
                    "descriptor.pay_to", "it is not where this node is paid", descriptor.payTo?.address)
            }
        }
        do {
            // Whoever reads the event must find this descriptor in it, and no other.
            let template = try descriptor.template()
            guard try ProviderDescriptor(unproven: SignedEvent(template, signature: [])) == descriptor else {
                throw DescriptorError.wrongForm
            }
            return template
        } catch { throw refusal("descriptor", "\(error)", nil) }
    }

    /// How this node is now.
    func status(_ status: ProviderStatus, now: Int64) throws(WireError) -> EventTemplate {
        guard status.provider == node else {
            throw refusal("status.provider", "it is another node's key", status.provider.hex)
        }
        guard status.createdAt <= now + Self.clockSkew, status.createdAt >= now - Self.clockSkew else {
            throw refusal(
                "status.created_at", "it is more than \(Self.clockSkew) s away from now",
                "\(status.createdAt)")
        }
        // Whoever reads the event must find this status in it, and no other.
        let template = status.template
        guard status.isPlausible, ProviderStatus(SignedEvent(template, signature: [])) == status else {
            throw refusal("status", "its challenge or numbers cannot be read back as they were written", nil)
        }
        return template
    }

    /// A stranger's job that this node takes.
    func job(_ job: TakenJob) throws(WireError) {
        guard job.client != node else { throw refusal("client", "it is this node itself", job.client.hex) }
        guard Schnorr.isValidPublicKey(job.client.bytes) else {
            throw refusal("client", "it is not a key on the curve", job.client.hex)
        }
        try asset(job.unitPrice)
        guard job.unitPrice.prompt >= 0, job.unitPrice.completion >= 0 else {
            throw refusal(
                "unit_price", "it is negative", "\(job.unitPrice.prompt) and \(job.unitPrice.completion)")
        }
        guard (1...Self.longestAnswer).contains(job.maxTokens) else {
            throw refusal("max_tokens", "it is not from 1 to \(Self.longestAnswer)", "\(job.maxTokens)")
        }
    }

    /// What one job of a client costs at most.
    ///
    /// - Parameter chunk: how many tokens of the answer one voucher pays; one pays for all of a shorter answer.
    func quote(
        for client: PublicKey, _ terms: QuoteTerms, chunk: Int? = nil, now: Int64
    ) throws(WireError) -> EventTemplate {
        guard client != node else { throw refusal("client", "it is this node itself", client.hex) }
        guard Schnorr.isValidPublicKey(client.bytes) else {
            throw refusal("client", "it is not a key on the curve", client.hex)
        }
        try asset(terms.unitPrice)
        guard let rail = terms.unitPrice.asset.rail else {
            throw refusal(
                "terms.unit_price.asset", "what costs test credits has no quote",
                terms.unitPrice.asset.rawValue)
        }
        guard terms.unitPrice.prompt >= 0, terms.unitPrice.completion >= 0 else {
            throw refusal(
                "terms.unit_price", "it is negative",
                "\(terms.unitPrice.prompt) and \(terms.unitPrice.completion)")
        }
        guard (1...QuoteTerms.longestAnswer).contains(terms.maxTokens) else {
            throw refusal(
                "terms.max_tokens", "it is not from 1 to \(QuoteTerms.longestAnswer)", "\(terms.maxTokens)")
        }
        guard (1...QuoteTerms.largestPayload).contains(terms.size) else {
            throw refusal("terms.size", "it is not from 1 to \(QuoteTerms.largestPayload)", "\(terms.size)")
        }
        guard let ceiling = terms.ceiling, (1...Deed.largestAmount).contains(ceiling) else {
            throw refusal("terms", "the job would cost nothing, or more than \(Deed.largestAmount)", nil)
        }
        if let chunk, chunk < Quote.leastChunk {
            throw refusal("chunk", "it is below \(Quote.leastChunk)", "\(chunk)")
        }
        let isDivided = rail == .batchSettlement && chunk ?? .max < terms.maxTokens
        let quote = Quote(
            provider: node, client: client, terms: terms, rails: [rail], chunk: isDivided ? chunk : nil,
            createdAt: now, expiresAt: now + Quote.life)
        // Whoever reads the event must find this quote in it, and no other.
        guard Quote(unproven: SignedEvent(quote.template, signature: [])) == quote else {
            throw refusal("terms", "they cannot be read back as they were written", nil)
        }
        return quote.template
    }

    /// A receipt for work that this node did.
    ///
    /// - Parameter quote: on which the job was taken.
    func receipt(_ body: ReceiptBody, quote: Digest? = nil, now: Int64) throws(WireError) -> EventTemplate {
        guard body.provider == node else {
            throw refusal("body.provider", "it is not this node", body.provider.hex)
        }
        guard Schnorr.isValidPublicKey(body.client.bytes) else {
            throw refusal("body.client", "it is not a key on the curve", body.client.hex)
        }
        guard body.image.hasPrefix("sha256:"), Hex.decode(body.image.dropFirst(7), count: 32) != nil else {
            throw refusal("body.image", "it is not sha256: and 64 hexadecimal characters", body.image)
        }
        guard !body.model.isEmpty, body.model.utf8.count <= 128 else {
            throw refusal("body.model", "it is empty or longer than 128 bytes", body.model)
        }
        try money(body, now: now)
        do { return try body.template(quote: quote) } catch { throw refusal("body", "\(error)", nil) }
    }

    /// A receipt for this node's own work for itself; all that one to be accepted must say, too.
    func ownReceipt(_ body: ReceiptBody, now: Int64) throws(WireError) -> EventTemplate {
        guard body.client == node else {
            throw refusal("body.client", "it is not this node", body.client.hex)
        }
        return try receipt(body, now: now)
    }

    /// The body of a receipt that this node is asked to accept; signature, form and price are proven here.
    func receiptToAccept(_ receipt: SignedEvent, now: Int64) throws(WireError) -> ReceiptBody {
        let body = try proven(receipt)
        guard body.client == node else {
            throw refusal("receipt.client", "the receipt is made out to another client", body.client.hex)
        }
        try money(body, now: now)
        return body
    }

    /// Body and acceptance of a receipt that this node issued and its client accepted; all proven here.
    func acceptanceToRecord(_ bundle: ReceiptBundle) throws(WireError) -> (
        body: ReceiptBody, acceptance: SignedEvent
    ) {
        let body = try proven(bundle.receipt)
        guard body.provider == node || former.contains(body.provider) else {
            throw refusal("receipt.provider", "the receipt is another node's", body.provider.hex)
        }
        guard let acceptance = bundle.acceptance else { throw refusal("acceptance", "it is missing", nil) }
        do { try Acceptance.check(acceptance, receipt: bundle.receipt, body: body) } catch {
            throw WireError(.verificationFailed, "The acceptance does not hold: \(error).")
        }
        try asset(body.unitPrice)
        return (body, acceptance)
    }

    private func proven(_ receipt: SignedEvent) throws(WireError) -> ReceiptBody {
        do { return try ReceiptBody(receipt) } catch {
            throw WireError(.verificationFailed, "The receipt does not hold: \(error).")
        }
    }

    private func money(_ body: ReceiptBody, now: Int64) throws(WireError) {
        try asset(body.unitPrice)
        guard body.finishedAt <= now + Self.clockSkew else {
            throw refusal(
                "body.finished_at",
                "it is \(body.finishedAt - now) s ahead of this clock; compare the clocks",
                "\(body.finishedAt)")
        }
        guard body.finishedAt >= now - Self.oldestJob else {
            throw refusal(
                "body.finished_at", "the job ended more than \(Self.oldestJob / 3600) hours ago",
                "\(body.finishedAt)")
        }
    }

    private func asset(_ price: UnitPrice) throws(WireError) {
        guard price.asset == .testCredit || assets.contains(price.asset) else {
            let known = ([.testCredit] + assets.sorted { $0.rawValue < $1.rawValue }).map(\.rawValue)
            throw refusal(
                "unit_price.asset", "this node deals in \(known.joined(separator: ", ")) only",
                price.asset.rawValue)
        }
    }

    func refusal(_ field: String, _ rule: String, _ value: String?) -> WireError {
        let shown = value.map { "; it is '\(StrangersWords.plain($0))'" } ?? ""
        return WireError(
            .policyRefused, "ledger-d does not sign this: '\(field)' is refused because \(rule)\(shown).")
    }
}
