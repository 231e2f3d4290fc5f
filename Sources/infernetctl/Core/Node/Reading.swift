// Runs what blocks for a moment on a thread that may.
// It must never be used for what can take longer than its own deadline.

import Dispatch

/// Blocking work of the command line.
enum Reading {
    static func offLoop<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
