// The time of day, as something that tests can set.
// It must never be used to measure how long something took.

import FoundationEssentials

/// A source of Unix time.
struct WallClock: Sendable {
    /// Unix milliseconds.
    let milliseconds: @Sendable () -> Int64
    /// Unix seconds.
    var seconds: Int64 { milliseconds() / 1000 }

    static let system = WallClock { Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)) }
}
