// What a job at a provider costs: quoted by the provider, promised before it leaves by a voucher that ledger-d signs, and taken
// back in the books when nothing comes of it. It must never send a job that costs money without both, nor promise twice for
// one attempt.

import IPC
import Interfaces
import NodeModel
import Synchronization
import Wire

/// What goes with a job that costs money.
struct JobPayment: Sendable {
    /// A voucher, or on Lightning a note.
    var payment: String
    var quote: SignedEvent
}

extension SubmittedJob {
    /// Runs `body` with the payment that the provider asks for; nil where that is test credits.
    ///
    /// A provider may know of more charges than this node does: a receipt was lost on the way. It says so, and is asked
    /// once more with a voucher that covers them, if ledger-d signs one.
    func paying(
        _ offer: Offer, _ payload: SealedPayload,
        _ body: (JobPayment?) async throws -> PeerInterface.RunJob.Reply
    ) async throws -> PeerInterface.RunJob.Reply {
        guard offer.model.price.asset != .testCredit else { return try await body(nil) }
        let terms = QuoteTerms(
            job: job, modelRoot: offer.model.root, payload: payload, unitPrice: offer.model.price,
            maxTokens: agreedTokens(offer.model.context))
        let payTo = terms.unitPrice.asset.isLightning ? nil : offer.card.payTo
        guard payTo != nil || terms.unitPrice.asset.isLightning, terms.isPlausible else {
            throw WireError(.noProvider, "The provider does not say where it is paid, or asks for too much.")
        }
        let quote = try await house.links.ws.call(
            WSInterface.Quote(
                endpoint: offer.card.endpoint, provider: offer.card.provider,
                quote: PeerInterface.Quote(model: offer.model.name, terms: terms)), trace: job.text)
        do {
            let payment = try await promise(offer, payTo, terms, quote)
            do { return try await body(payment) } catch let error as WireError
                where error.code == .paymentRequired && error.cause != nil
            { return try await body(try await promise(offer, payTo, terms, quote, refused: error.cause)) }
        } catch {
            release(offer.card.provider)
            throw error
        }
    }

    /// ledger-d holds the quote against what is asked for, keeps it, and gives what pays.
    private func promise(
        _ offer: Offer, _ payTo: PayTo?, _ terms: QuoteTerms, _ quote: SignedEvent, refused: String? = nil
    ) async throws -> JobPayment {
        // What is told of the attempt before must not end this one.
        endings.withLock { $0[offer.card.provider] }?.cancel()
        let payment = try await house.links.ledger.call(
            LedgerInterface.PromisePrice(
                provider: offer.card.provider, payTo: payTo, terms: terms, quote: quote, refused: refused,
                process: house.process), trace: job.text
        ).payment
        driver.quoted(quote.id)
        return JobPayment(payment: payment, quote: quote)
    }

    /// Takes the promise back.
    func release(_ provider: PublicKey) {
        let ending = house.endPromise(job, with: provider, served: false)
        endings.withLock { $0[provider] = ending }
    }
}
