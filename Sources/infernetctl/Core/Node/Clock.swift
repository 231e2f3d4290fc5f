// The wall clock, read in one place.
// It must never be used to measure how long something took.

import Glibc

/// The time of day.
enum Clock {
    /// Unix milliseconds.
    static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
