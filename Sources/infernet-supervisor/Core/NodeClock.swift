// The two times of a node: the one that only goes forward, for waiting, and the one on the wall, for people.
// It must never be used the other way round.

import Glibc

/// Reads the clocks.
struct NodeClock: Sendable {
    private let origin = ContinuousClock.now

    /// Milliseconds since this clock was made.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - origin).components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// Unix time in milliseconds.
    var unixMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
