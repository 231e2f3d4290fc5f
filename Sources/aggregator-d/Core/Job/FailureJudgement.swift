// What a failed attempt means: try elsewhere or not, and whose fault it was.
// It must never blame a provider for what the request itself made impossible.

import Wire

/// The consequences of an error.
struct FailureJudgement: Hashable, Sendable {
    /// Whether another candidate could do better.
    let retries: Bool
    /// Whether the candidate is to be used last for a while.
    let blames: Bool
    /// Whether the same candidate may do it in a moment.
    let passes: Bool

    init(_ error: WireError) {
        passes = error.code == .tooManyRequests || error.code == .draining
        switch error.code {
        case .contextLengthExceeded, .invalidRequest, .invalidParams, .tooLarge, .cancelled:
            retries = false
            blames = false
        case .diskFull, .tooManyRequests, .draining, .paymentRequired:
            // A full disk, a full or a leaving node, one without a channel: somebody else may do it, and nobody did wrong.
            retries = true
            blames = false
        default:
            retries = true
            blames = true
        }
    }
}
