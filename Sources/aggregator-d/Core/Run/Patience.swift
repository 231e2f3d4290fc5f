// Asks again while a sibling is being restarted: a finished answer is worth a second question.
// It must never repeat a question that the sibling has answered with a refusal.

import Wire

enum Patience {
    /// Calls until it succeeds, is refused, or the time is over.
    static func call<T: Sendable>(
        until end: ContinuousClock.Instant, _ body: @Sendable () async throws -> T
    ) async throws -> T {
        var pause = Duration.milliseconds(50)
        while true {
            do { return try await body() } catch let error as WireError
                where isPassing(error) && .now + pause < end
            {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    /// Whether an error may be gone the next time.
    static func isPassing(_ error: WireError) -> Bool {
        switch error.code {
        case .unavailable, .upstreamLost, .deadlineExceeded, .draining, .tooManyRequests: true
        default: false
        }
    }
}
