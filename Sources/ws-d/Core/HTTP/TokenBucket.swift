// How many requests a listener takes in a time. Pure: it is told what time it is.
// It must never let a clock that jumps give more than one burst.

/// A bucket that fills at a rate and from which each request takes one token.
struct TokenBucket: Sendable, Equatable {
    /// Tokens in a second; 0 is no limit.
    let rate: Double
    let burst: Double
    private var tokens: Double
    private var last: UInt64

    /// - Parameter now: nanoseconds of a clock that only goes forward.
    init(rate: Double, burst: Double, now: UInt64) {
        self.rate = rate
        self.burst = max(1, burst)
        tokens = max(1, burst)
        last = now
    }

    /// Takes a token.
    /// - Returns: nil when there was one; else the milliseconds until there is.
    mutating func take(now: UInt64) -> Int? {
        guard rate > 0 else { return nil }
        fill(now)
        if tokens >= 1 {
            tokens -= 1
            return nil
        }
        return max(1, Int(((1 - tokens) / rate * 1_000).rounded(.up)))
    }

    /// Whether nobody has taken anything for so long that forgetting the bucket changes nothing.
    mutating func isFull(now: UInt64) -> Bool {
        fill(now)
        return tokens >= burst
    }

    private mutating func fill(_ now: UInt64) {
        guard now > last else { return }
        tokens = min(burst, tokens + Double(now - last) / 1e9 * rate)
        last = now
    }
}
