// Watches one answer: who is awaited, since when, and how long that may take.
// It must never blame an engine for a caller that does not take what was generated.

import Synchronization
import Wire

/// Who keeps an answer waiting, for the watchdog.
final class AnswerWatch: Sendable {
    enum Awaited: Hashable, Sendable { case firstToken, nextToken, caller }

    struct Limits: Hashable, Sendable {
        var firstToken: Duration
        var nextToken: Duration
        /// How long a caller may leave a piece untaken.
        var caller: Duration = .seconds(30)

        var shortest: Duration { min(firstToken, nextToken, caller) }

        func callAsFunction(_ awaited: Awaited) -> Duration {
            switch awaited {
            case .firstToken: firstToken
            case .nextToken: nextToken
            case .caller: caller
            }
        }
    }

    /// Nothing came in time from the one who was awaited.
    struct Stalled: Error, Hashable {
        let awaited: Awaited
        let limit: Duration
    }

    let limits: Limits
    private let mark = ProgressMark()
    private let awaited = Atomic<UInt8>(0)

    init(_ limits: Limits) { self.limits = limits }

    /// From now on this one is awaited.
    func expect(_ next: Awaited) {
        awaited.store(next == .firstToken ? 0 : next == .nextToken ? 1 : 2, ordering: .relaxed)
        mark.touch()
    }

    /// Sleeps until somebody is late: it wakes once per shortest limit, not once per token.
    /// - Parameter sleep: waits for so long, or until the task is cancelled.
    /// - Throws: `Stalled`, or `CancellationError` when the answer is complete.
    func run(
        sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) async throws -> Never {
        while true {
            let (limit, age) = (limits(current), mark.age)
            guard age < limit else { throw Stalled(awaited: current, limit: limit) }
            // Who is awaited may change while we sleep, and the next one's limit may be far shorter.
            try await sleep(min(limit - age, limits.shortest))
        }
    }

    private var current: Awaited {
        switch awaited.load(ordering: .relaxed) {
        case 0: .firstToken
        case 1: .nextToken
        default: .caller
        }
    }
}
