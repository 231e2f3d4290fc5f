// Waits on an event loop's own timer. A task that sleeps and is cancelled wakes two threads of the system's, and a job's
// watchdog is cancelled by nearly every job.
// It must never keep a cancelled task waiting.

import NIOCore

/// Sleeps where a job runs.
struct LoopTimer: Sendable {
    let loop: any EventLoop

    /// - Throws: `CancellationError` when the task is cancelled before.
    func sleep(_ duration: Duration) async throws {
        let wait = Wait()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                onLoop { wait.begin(continuation, for: duration, on: loop) }
            }
        } onCancel: {
            onLoop { wait.end(throwing: CancellationError()) }
        }
    }

    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { work() } else { loop.execute(work) }
    }

    /// One wait. All of it happens on the loop.
    private final class Wait: @unchecked Sendable {  // see above
        private var waiting: CheckedContinuation<Void, any Error>?
        private var timer: Scheduled<Void>?
        /// How it ended before it began.
        private var early: (any Error)?

        func begin(
            _ continuation: CheckedContinuation<Void, any Error>, for duration: Duration,
            on loop: any EventLoop
        ) {
            if let early { return continuation.resume(throwing: early) }
            waiting = continuation
            timer = loop.scheduleTask(in: TimeAmount(duration)) { self.end(throwing: nil) }
        }

        func end(throwing error: (any Error)?) {
            guard let waiting else {
                if timer == nil { early = error }
                return
            }
            self.waiting = nil
            timer?.cancel()
            if let error { waiting.resume(throwing: error) } else { waiting.resume() }
        }
    }
}
