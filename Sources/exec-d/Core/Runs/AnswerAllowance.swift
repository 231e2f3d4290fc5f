// How far an answer may go that is paid piece by piece: it waits for more, for a while, and then ends where it is.
// It must never let a piece out that is not allowed, nor take back what was.

import Synchronization

/// One answer's allowance, in tokens.
final class AnswerAllowance: Sendable {
    /// How long an answer waits for more: a voucher's way and a restart of whoever signs or takes it. Shorter than anybody on
    /// the way waits for the next piece.
    static let patience = Duration.seconds(15)

    private struct State {
        var tokens: Int64
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    private let patience: Duration

    init(_ tokens: Int, patience: Duration = AnswerAllowance.patience) {
        state = Mutex(State(tokens: Int64(tokens)))
        self.patience = patience
    }

    /// Up to which token the answer may go.
    var tokens: Int64 { state.withLock { $0.tokens } }

    /// Allows more; less changes nothing.
    func raise(to tokens: Int) {
        state.withLock { $0.tokens = max($0.tokens, Int64(tokens)) }
        wake()
    }

    /// Waits until the answer may go so far.
    ///
    /// - Returns: false when it was waited for long enough.
    /// - Throws: `CancellationError`.
    func covers(_ wanted: Int64) async throws -> Bool {
        if tokens >= wanted { return true }
        let end = ContinuousClock.now + patience
        let timer = Task {
            try? await Task.sleep(until: end, clock: .continuous)
            wake()
        }
        defer { timer.cancel() }
        while tokens < wanted {
            guard ContinuousClock.now < end else { return false }
            await pause(for: wanted, until: end)
            try Task.checkCancellation()
        }
        return true
    }

    /// Returns when something may have changed.
    private func pause(for wanted: Int64, until end: ContinuousClock.Instant) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    if state.tokens >= wanted || ContinuousClock.now >= end || Task.isCancelled {
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
