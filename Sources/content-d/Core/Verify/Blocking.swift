// Runs what blocks on threads of its own, so that the event loop goes on answering.
// It must never run what waits for another task: its threads are few.

import Dispatch

/// A place for blocking work.
enum Blocking {
    private static let queue = DispatchQueue(label: "content-d.disk", attributes: .concurrent)

    /// Runs `body` on a thread that may block.
    static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
