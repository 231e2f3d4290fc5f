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
        take(Self.query * queries, from: place(of: endpoint.group, now))
        if let home = home(of: endpoint) { take(2 * Self.query * queries, from: place(of: home, now)) }
    }

    /// Counts one query; false when the range has used up what it may (two seconds' worth at once). One /64 of IPv6 may
    /// ask half as often as its /48, so that it leaves something to its neighbours.
    mutating func admit(_ endpoint: Endpoint, now: Int64) -> Bool {
        let place = place(of: endpoint.group, now)
        guard buckets[place].level + Self.query <= most else { return false }
        if let home = home(of: endpoint) {
            let inner = self.place(of: home, now)
            guard buckets[inner].level + 2 * Self.query <= most else { return false }
            take(2 * Self.query, from: inner)
        }
        take(Self.query, from: place)
        return true
    }

    /// Levels are in thousandths of a query, so that whole milliseconds leak exactly.
    private static let query: Int64 = 1000
    private var most: Int64 { 2 * Self.query * perSecond }

    /// A limit for everybody has one place and knows no ranges.
    private func home(of endpoint: Endpoint) -> UInt64? { buckets.count > 1 ? endpoint.home : nil }

    /// The bucket of a range, leaked up to now.
    private mutating func place(of range: UInt64, _ now: Int64) -> Int {
        var mixed = (range ^ salt) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 29
        let place = Int(mixed % UInt64(buckets.count))
        let leaked = (now - buckets[place].time) * perSecond
        buckets[place].level = max(0, buckets[place].level - max(0, leaked))
        buckets[place].time = now
        return place
    }

    private mutating func take(_ amount: Int64, from place: Int) {
        buckets[place].level = min(buckets[place].level + amount, most)
    }
}
