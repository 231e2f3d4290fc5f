// A job that was done elsewhere and paid for, and whose answer is to be checked.
// It must never leave memory: it holds what this node's people asked, and what they were told.

import NodeModel

/// What a check needs to know of a job.
struct CheckedJob: Sendable {
    let job: JobID
    let request: InferenceRequest
    let answer: String
    let offer: Offer
    let receipt: SignedEvent
    let body: ReceiptBody
    let counterfoil: String?
    /// The longest answer that was agreed on, in tokens.
    let agreed: Int

    var key: VerificationBook.Key {
        VerificationBook.Key(provider: offer.card.provider, model: offer.model.root)
    }

    /// Whether the model itself ended the answer. A provider's word for that is not enough: who breaks off early would call
    /// it full length.
    var endedByItself: Bool {
        guard (request.sampling.stop ?? []).isEmpty else { return false }
        let usage = body.usage
        return body.finish == .stop
            || (usage.completionTokens < Int64(agreed)
                && usage.promptTokens + usage.completionTokens < Int64(offer.model.context))
    }
}

/// What a check came to.
enum Verdict: Hashable, Sendable {
    case right(String)
    case wrong(String)
    /// Nobody can tell, for this reason.
    case undecided(String)

    var words: String {
        switch self {
        case .right(let words): "checked: \(words)"
        case .wrong(let words): "found wrong: \(words)"
        case .undecided(let words): "not checked: \(words)"
        }
    }

    /// Nil when it is not decided.
    var isRight: Bool? {
        switch self {
        case .right: true
        case .wrong: false
        case .undecided: nil
        }
    }
}
