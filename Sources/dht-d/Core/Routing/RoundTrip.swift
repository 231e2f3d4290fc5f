// A running estimate of a round-trip time and the patience that follows from it (RFC 6298's smoothing).
// It must never learn from a reply that might belong to another query.

/// Smoothed round-trip time and its variation, in milliseconds.
public struct RoundTrip: Hashable, Sendable {
    /// The smoothed time, nil before the first sample.
    public private(set) var smoothed: Int64?
    private var variation: Int64 = 0

    /// An estimate without samples.
    public init() {}

    /// Takes in one measured time.
    public mutating func learn(_ sample: Int64) {
        guard let old = smoothed else {
            smoothed = sample
            variation = sample / 2
            return
        }
        variation = (3 * variation + abs(old - sample)) / 4
        smoothed = (7 * old + sample) / 8
    }

    /// After this many milliseconds an answer is late enough to ask somebody else as well.
    public var softTimeout: Int64? {
        smoothed.map { $0 + max(4 * variation, 10) }
    }
}
