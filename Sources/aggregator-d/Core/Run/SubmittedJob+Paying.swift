// What a job at a provider costs, promised before it leaves: a voucher that ledger-d signs, and takes back in the books when
// nothing comes of it. It must never send a job that costs money without one, nor promise twice for one attempt.

import IPC
import Interfaces
import NodeModel
import Wire

extension SubmittedJob {
    /// Runs `body` with the payment that the provider asks for; nil where that is test credits.
    ///
    /// A provider may know of more charges than this node does: a receipt was lost on the way. It says so, and is asked
    /// once more with a voucher that covers them, if ledger-d signs one.
    func paying(
        _ offer: Offer, _ payload: SealedPayload, _ body: (String?) async throws -> PeerInterface.RunJob.Reply
    ) async throws -> PeerInterface.RunJob.Reply {
        guard offer.model.price.asset != .testCredit else { return try await body(nil) }
        do {
            let payment = try await promise(offer, payload)
            do { return try await body(payment) } catch let error as WireError
                where error.code == .paymentRequired && error.cause != nil
            { return try await body(try await promise(offer, payload, refused: error.cause)) }
        } catch {
            release(offer.card.provider)
            throw error
        }
    }

    private func promise(
        _ offer: Offer, _ payload: SealedPayload, refused: String? = nil
    ) async throws -> String {
        let price = offer.model.price
        let payTo = price.asset.isLightning ? nil : offer.card.payTo
        guard payTo != nil || price.asset.isLightning,
            let amount = price.ceiling(
                sealed: payload.ciphertext, maxTokens: agreedTokens(offer.model.context))
        else { throw WireError(.noProvider, "The provider does not say where it is paid.") }
        return try await house.links.ledger.call(
            LedgerInterface.PromisePrice(
                job: job, provider: offer.card.provider, asset: price.asset, payTo: payTo, amount: amount,
                refused: refused, process: house.process), trace: job.text
        ).payment
    }

    /// Takes the promise back, also when this job's own task is cancelled already.
    func release(_ provider: PublicKey) {
        let (ledger, job) = (house.links.ledger, job)
        Task {
            try? await ledger.call(
                LedgerInterface.ReleasePrice(job: job, peer: provider, served: false), trace: job.text)
        }
    }
}
