// Quotes: what this node signs as a provider, and what it believes of one as a client or takes back with a job.
// It must never promise, or take, a job that costs money on anything but one quote that says the same to the letter.

import DaemonKit
import FoundationEssentials
import GRDB
import Interfaces
import NodeModel
import Nostr
import Wire

/// A quote that was read and found to be for this job, with the event that says it.
struct KeptQuote: Sendable {
    var quote: Quote
    var event: SignedEvent
}

extension LedgerDaemon {
    /// What a client's job costs at most, under this node's key. Nothing is written down: the quote comes back with the job.
    func signQuote(_ request: LedgerInterface.SignQuote) throws -> SignedEvent {
        try requireStaying()
        return try key.sign(
            try policy.quote(
                for: request.client, request.terms, chunk: request.chunk, now: now))
    }

    /// The provider's quote for what this node is asked to promise.
    func quoted(_ request: LedgerInterface.PromisePrice) throws -> KeptQuote {
        guard let quote = Quote(request.quote) else {
            throw WireError(
                .verificationFailed, "The provider's quote has another form, or is not signed by it.")
        }
        guard let rail = request.asset.rail else {
            throw WireError(.invalidParams, "Test credits are not promised.")
        }
        if let difference = quote.difference(
            provider: request.provider, client: key.publicKey, terms: request.terms, rail: rail)
        {
            throw WireError(
                .verificationFailed, "The provider's quote is not for this job: \(difference).")
        }
        guard quote.createdAt <= now + Quote.clockSkew else {
            throw WireError(
                .verificationFailed,
                "The provider's quote is from \(quote.createdAt - now) s ahead of this clock; compare the clocks."
            )
        }
        return KeptQuote(quote: quote, event: request.quote)
    }

    /// This node's own quote, as it came back with a job; nil for one that costs nothing, or for which nothing is paid.
    func quoted(
        _ job: TakenJob, _ came: LedgerInterface.TakeJob.Quoted?, payment: String?, ceiling: Int64?
    ) throws -> KeptQuote? {
        // Who sends no payment is told first what is to be paid.
        guard let rail = job.unitPrice.asset.rail, payment != nil else { return nil }
        guard let came else {
            throw WireError(
                .paymentRequired, "A quote is required: this job costs money, and no quote came with it.")
        }
        guard let quote = Quote(came.event) else {
            throw Self.refusal("it has another form, or another's signature")
        }
        let terms = QuoteTerms(
            job: job.job, modelRoot: job.modelRoot, payload: came.payload, size: came.size,
            unitPrice: job.unitPrice, maxTokens: job.maxTokens)
        if let difference = quote.difference(
            provider: key.publicKey, client: job.client, terms: terms, rail: rail)
        {
            throw Self.refusal(difference)
        }
        guard quote.ceiling == ceiling else { throw Self.refusal("'ceiling' is another amount") }
        return KeptQuote(quote: quote, event: came.event)
    }

    private static func refusal(_ why: String) -> WireError {
        WireError(.policyRefused, "The quote that came is not this node's for this job: \(why).")
    }
}

extension Ledger {
    /// Refuses a quote whose time is over. What was promised, or taken, before stays so.
    static func requireCurrent(_ kept: KeptQuote, at: Int64) throws {
        guard kept.quote.isCurrent(unixNow: at / 1000) else {
            throw WireError(
                .paymentRequired, "The quote held until \(kept.quote.expiresAt): a new one is required.")
        }
    }

    /// The quote on which a job was promised out of a purse; nil for one from before there were quotes.
    static func quote(_ job: JobID, _ purse: Digest, _ db: Database) throws -> Digest? {
        let id = try String.fetchOne(
            db.cachedStatement(sql: "SELECT quote FROM pledge WHERE channel = ? AND job = ?"),
            arguments: [Data(purse.bytes), job.text])
        return id.flatMap { Digest(hex: $0) }
    }

    /// The quote on which this node took a client's job.
    func quote(of job: JobID, by client: PublicKey) async throws -> Digest? {
        try await reading { db in
            guard let purse = try Self.promised(job, by: client, .payee, db) else { return nil }
            return try Self.quote(job, purse.id, db)
        }
    }

    /// A receipt for a promised job names the quote that it was promised on, and no other receipt names one.
    static func requireQuote(
        _ receipt: SignedEvent, _ operation: Operation, _ purse: Purse?, _ db: Database
    ) throws {
        guard operation.kind == .issue || operation.kind == .spend else { return }
        let promised = try purse.flatMap { try quote(operation.job, $0.id, db) }
        guard ReceiptBody.quote(of: receipt) == promised else {
            throw WireError(
                .policyRefused, "The receipt of \(operation.job) is not on the quote that it was promised on."
            )
        }
    }
}
