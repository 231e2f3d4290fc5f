// Bounds a wait. It must never leave the work running when it gives up: the work is cancelled and waited for.

/// Runs work that has only so long.
enum Deadline {
    /// - Throws: `failure` when `limit` passes first, else what the work throws.
    static func run<Value: Sendable>(
        _ limit: Duration, orThrow failure: any Error, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else { throw failure }
            return value
        }
    }
}
