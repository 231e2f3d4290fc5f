// Which models did not come up when an engine was started with them, and for how long that is held against them. Pure.
// It must never write a model off for good: what was mended is found out by trying again.

import NodeModel
import Wire

/// Failures to load, by model. Times are milliseconds of one clock that never goes back.
struct LoadFailures: Sendable {
    private struct Failure {
        var error: WireError
        /// In a row.
        var count: Int
        var until: Int64
    }

    /// How long the first failure stands; each further one doubles it.
    static let firstMs: Int64 = 60_000
    static let longestMs: Int64 = 3_600_000

    private var failures: [ContentRoot: Failure] = [:]

    mutating func failed(_ root: ContentRoot, _ error: WireError, at now: Int64) {
        let count = (failures[root]?.count ?? 0) + 1
        let wait = min(Self.longestMs, Self.firstMs << Int64(min(count - 1, 10)))
        failures[root] = Failure(error: error, count: count, until: now + wait)
    }

    mutating func worked(_ root: ContentRoot) { failures[root] = nil }

    /// Those that still stand, in a fixed order.
    func standing(at now: Int64) -> [(root: ContentRoot, error: WireError)] {
        failures.filter { $0.value.until > now }.map { ($0.key, $0.value.error) }.sorted {
            $0.0.hex < $1.0.hex
        }
    }
}
