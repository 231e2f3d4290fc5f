// Measures one answer: time to its first piece, time from the first to the last, gaps between.
// It must never allocate for a piece.

import Synchronization

/// The times of one answer, from the moment it is made.
final class AnswerStopwatch: Sendable {
    private struct Times {
        let began = ContinuousClock.now
        var first: ContinuousClock.Instant?
        var last: ContinuousClock.Instant?
    }

    private let times = Mutex(Times())
    private let metrics: ExecMetrics

    init(_ metrics: ExecMetrics) { self.metrics = metrics }

    /// A piece came.
    func piece() {
        let now = ContinuousClock.now
        let (last, began) = times.withLock { times in
            let last = times.last
            if times.first == nil { times.first = now }
            times.last = now
            return (last, times.began)
        }
        if let last { metrics.nextToken(now - last) } else { metrics.firstToken(now - began) }
    }

    /// Milliseconds to the first piece (to now, when there was none), and from there to now.
    func end() -> (firstMs: Int64, restMs: Int64) {
        let now = ContinuousClock.now
        let times = times.withLock { $0 }
        let first = times.first ?? now
        return (Self.milliseconds(first - times.began), Self.milliseconds(now - first))
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}
