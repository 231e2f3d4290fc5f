// When to try again what is owed, and when it makes no sense any more. Pure.
// It must never give up on an acceptance because the other node is away.

import Wire

enum OutboxSchedule {
    /// The longest pause, in milliseconds.
    static let longestMs: Int64 = 300_000

    enum Verdict: Equatable, Sendable {
        case again(atMs: Int64)
        case never
    }

    /// What follows from a failed attempt.
    static func after(_ error: WireError, attempts: Int, nowMs: Int64) -> Verdict {
        switch error.code {
        case .invalidParams, .invalidRequest, .notFound, .conflict, .verificationFailed, .policyRefused,
            .unknownMethod:
            return .never
        default:
            let pause = min(Int64(1_000) << Int64(min(max(attempts, 1) - 1, 20)), longestMs)
            return .again(atMs: nowMs + pause)
        }
    }
}
