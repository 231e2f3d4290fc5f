// How many queries one address range may ask in a second: a fixed table of leaky buckets.
// It must never grow, and never remember who asked.

/// Leaky buckets, shared by address ranges that fall on the same place.
struct RateLimiter: Sendable {
    private struct Bucket: Sendable {
        var level: Int64 = 0
        var time: Int64 = 0
    }

    private let perSecond: Int64
    private let salt: UInt64
    private var buckets: [Bucket]

    /// A table of `places` buckets. The salt is secret, so that nobody can choose whom to share one with.
    init(perSecond: Int, salt: UInt64, places: Int = 1024) {
        self.perSecond = Int64(max(1, perSecond))
        self.salt = salt
        buckets = Array(repeating: Bucket(), count: places)
    }

    /// Counts one query; false when the range has used up what it may (two seconds' worth at once).
    mutating func admit(_ endpoint: Endpoint, now: Int64) -> Bool {
        var mixed = (UInt64(endpoint.group) ^ salt) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 29
        let place = Int(mixed % UInt64(buckets.count))
        // Levels are in thousandths of a query, so that whole milliseconds leak exactly.
        let leaked = (now - buckets[place].time) * perSecond
        let level = max(0, buckets[place].level - max(0, leaked))
        buckets[place].time = now
        guard level + 1000 <= 2000 * perSecond else {
            buckets[place].level = level
            return false
        }
        buckets[place].level = level + 1000
        return true
    }
}
