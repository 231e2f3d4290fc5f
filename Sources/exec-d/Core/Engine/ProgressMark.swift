// The last sign of life of an engine or of an answer, written for each token and read by the watchdog.
// It must never cost more than a store: one lies in the path of every token.

import Synchronization

/// A moment that only moves forward.
final class ProgressMark: Sendable {
    private static let epoch = ContinuousClock.now
    private let nanoseconds: Atomic<Int64>

    init() { nanoseconds = Atomic(Self.now) }

    /// Sets the mark to now.
    func touch() { nanoseconds.store(Self.now, ordering: .relaxed) }

    /// How long ago the mark was set.
    var age: Duration { .nanoseconds(Self.now - nanoseconds.load(ordering: .relaxed)) }

    private static var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - epoch).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
