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

    /// Takes so many queries from what a range may still ask, without a question.
    mutating func charge(_ endpoint: Endpoint, _ queries: Int64, now: Int64) {
        let place = place(of: endpoint)
        leak(place, now)
        buckets[place].level = min(buckets[place].level + 1000 * queries, 2000 * perSecond)
    }

    private func place(of endpoint: Endpoint) -> Int {
        var mixed = (UInt64(endpoint.group) ^ salt) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 29
        return Int(mixed % UInt64(buckets.count))
    }

    private mutating func leak(_ place: Int, _ now: Int64) {
        // Levels are in thousandths of a query, so that whole milliseconds leak exactly.
        let leaked = (now - buckets[place].time) * perSecond
        buckets[place].level = max(0, buckets[place].level - max(0, leaked))
        buckets[place].time = now
    }

    /// Counts one query; false when the range has used up what it may (two seconds' worth at once).
    mutating func admit(_ endpoint: Endpoint, now: Int64) -> Bool {
        let place = place(of: endpoint)
        leak(place, now)
        guard buckets[place].level + 1000 <= 2000 * perSecond else { return false }
        buckets[place].level += 1000
        return true
    }
}
