// How often one address may begin a greeting. Pure: it is told what time it is.
// It must never grow without bound: addresses are free to an attacker.

/// A token bucket for each address.
struct AddressLimiter: Sendable {
    /// Addresses that are remembered at once.
    static let maximumAddresses = 4_096

    private let perMinute: Int
    private var buckets: [String: TokenBucket] = [:]

    init(perMinute: Int) { self.perMinute = perMinute }

    /// Whether a greeting from this address may begin now.
    /// - Parameter now: nanoseconds of a clock that only goes forward.
    mutating func admits(_ address: String, now: UInt64) -> Bool {
        guard perMinute > 0 else { return true }
        if buckets[address] == nil, buckets.count >= Self.maximumAddresses {
            // A bucket that is full again says nothing; when all say something, we are under attack: refuse.
            buckets = buckets.filter { entry in
                var bucket = entry.value
                return !bucket.isFull(now: now)
            }
            guard buckets.count < Self.maximumAddresses else { return false }
        }
        var bucket =
            buckets[address] ?? TokenBucket(rate: Double(perMinute) / 60, burst: Double(perMinute), now: now)
        let admitted = bucket.take(now: now) == nil
        buckets[address] = bucket
        return admitted
    }
}
