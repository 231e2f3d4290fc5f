// What is done next with one Lightning payment, as a pure decision: what is stored and what the backend claims in, one
// action out. It must never settle without the preimage, nor give money back while what was sent may still pay.

import Lightning

/// What a backend says about a payment or an invoice: a stranger's claim.
enum LightningClaim: Hashable, Sendable {
    /// Paid. Only the preimage proves it; the fee, in millisatoshis, is the backend's word.
    case paid(preimage: [UInt8]?, fee: Int64?)
    case pending
    /// Of an invoice: it is paid, and the payment waits to be taken or given back, before this block where that is told.
    case held(until: Int64?)
    /// It was tried and will not happen any more; why.
    case failed(String)
    /// It says that it knows nothing of it.
    case unknown
}

struct LightningPaymentMachine: Sendable {
    /// How long what left may be on its way before the backend must know of it, in seconds: the carrier gives up after
    /// half of it.
    static let grace: Int64 = 30

    enum Action: Hashable, Sendable {
        /// Hand the invoice to the backend.
        case send
        case answered(String)
        case settle(preimage: [UInt8], fee: Int64)
        case fail(String)
        case wait(String)
    }

    let invoice: Invoice
    /// When it last left, or was about to, in Unix seconds; nil while it never did.
    let sentAt: Int64?
    /// Whether the backend refuses to pay one hash twice, so that asking again is safe.
    let refusesTwice: Bool
    /// How much longer than the invoice a payment may be under way, in seconds: as long as a payee may hold it.
    var patience: Int64 = 0

    /// - Parameters:
    ///   - claim: the answer to a look-up that was made now.
    ///   - refusal: what the backend answered to the last sending, when that was a plain no.
    ///   - now: Unix seconds.
    func next(_ claim: LightningClaim, refusal: String?, now: Int64) -> Action {
        let failure: String?
        switch claim {
        case .paid(let preimage, let fee):
            guard let preimage, invoice.isPaid(by: preimage) else {
                return .wait(
                    "the preimage: the backend says that it is paid, and shows nothing that proves it")
            }
            return .settle(preimage: preimage, fee: max(0, fee ?? 0))
        case .pending, .held: return .answered("under way on Lightning")
        case .failed(let why): failure = why
        case .unknown: failure = nil
        }
        let end = Int64(clamping: invoice.expiresAt)
        guard let sentAt else {
            // Nothing of this payment left; what failed was another try at the same invoice.
            return now >= end ? .fail("the invoice ran out before it was sent") : .send
        }
        // A plain no, and the backend has nothing under way.
        if let refusal { return .fail(refusal) }
        if now < sentAt + Self.grace { return .wait("the backend to say what became of it") }
        if let failure { return .fail(failure) }
        if now >= end {
            return now >= end + Self.grace + patience
                ? .fail("the invoice ran out, and the backend knows of no payment")
                : .wait("the end of the invoice, and then the money comes back")
        }
        return refusesTwice ? .send : .wait("the invoice to run out, as the backend might pay twice")
    }
}
