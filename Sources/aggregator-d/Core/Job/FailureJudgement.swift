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

    /// - Parameter elsewhere: whether another node says it. What a stranger says of the request is not the last word: it may have
    ///   a smaller context, an older build that cannot read it, or no wish to tell the truth.
    init(_ error: WireError, elsewhere: Bool = false) {
        passes = error.code == .tooManyRequests || error.code == .draining
        if elsewhere, Self.isOfRequest(error) {
            retries = true
            blames = false
            return
        }
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

    /// Whether it is the request itself that is told not to be possible.
    static func isOfRequest(_ error: WireError) -> Bool {
        [.contextLengthExceeded, .invalidRequest, .tooLarge].contains(error.code)
    }
}
