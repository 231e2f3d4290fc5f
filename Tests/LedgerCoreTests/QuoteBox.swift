// The quotes of a test: real ones, signed by a provider's ledger, each job's kept as a client keeps it.
// It must never make one that the provider would not sign.

import NIOConcurrencyHelpers
import NodeModel

@testable import Interfaces
@testable import LedgerCore

struct QuoteBox: Sendable {
    private struct Key: Hashable {
        var client: PublicKey
        var terms: QuoteTerms
        var chunk: Int?
    }
    private let known = NIOLockedValueBox<[Key: SignedEvent]>([:])

    /// What a job may be like that costs so much at most.
    static func terms(_ job: JobID, _ amount: Int64, _ price: UnitPrice) -> QuoteTerms {
        let whole = amount / price.prompt - 512
        // Three bytes of the request are four of base64; a token of the answer costs as much as two of its bytes.
        var tokens = min(512, (whole - 3) / 2)
        while (whole - 2 * tokens) % 3 != 0 { tokens -= 1 }
        return QuoteTerms(
            job: job, modelRoot: Digest(hashing: "model"), payload: Digest(hashing: "payload of \(job)"),
            size: Int((whole - 2 * tokens) / 3 * 4), unitPrice: price, maxTokens: Int(tokens))
    }

    func quote(
        _ client: PublicKey, _ terms: QuoteTerms, chunk: Int? = nil, by provider: LedgerDaemon
    ) throws -> SignedEvent {
        let key = Key(client: client, terms: terms, chunk: chunk)
        if let quote = known.withLockedValue({ $0[key] }) { return quote }
        let quote = try provider.signQuote(.init(client: client, terms: terms, chunk: chunk))
        known.withLockedValue { $0[key] = quote }
        return quote
    }
}

extension TakenJob {
    init(_ terms: QuoteTerms, _ client: PublicKey) {
        self.init(
            job: terms.job, client: client, modelRoot: terms.modelRoot, unitPrice: terms.unitPrice,
            maxTokens: terms.maxTokens)
    }
}
