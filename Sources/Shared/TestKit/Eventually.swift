// Waits for something that another task makes true, and fails in words when it never does.
// It must never be used to measure time.

/// Thrown when a condition did not come true.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String
}

/// Returns when `condition` is true.
/// - Parameters:
///   - limit: how long to wait.
///   - what: named in the failure.
/// - Throws: `NeverHappened` when the time is over, and what the condition throws.
public func eventually(
    within limit: Duration = .seconds(10), _ what: String = "the condition",
    _ condition: @Sendable () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw NeverHappened(description: "\(what) did not come true within \(limit)")
}
