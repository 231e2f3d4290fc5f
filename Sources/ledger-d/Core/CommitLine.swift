// Who waits to go to disk. Callers who were just answered often come back at once, one after the other; a group that left
// without them would have the next flush for itself, so that it waits for them, for a part of what a flush takes.
// It must never keep a lone caller waiting, nor anybody for longer than it was told.

import Dispatch
import NIOConcurrencyHelpers

/// A line, and one who drains it.
final class CommitLine<Piece: Sendable>: Sendable {
    /// The most pieces of one commit: enough to hide the disk, little enough to stay below a few milliseconds.
    private static var largestGroup: Int { 256 }

    private struct State {
        var waiting: [Piece] = []
        var isDrained = false
        /// How many must wait for the drain to go on at once; zero when it waits for nobody.
        var expected = 0
    }

    private let state = NIOLockedValueBox(State())
    private let complete = DispatchSemaphore(value: 0)

    /// Stands in line.
    ///
    /// - Returns: whether nobody drains it, so that the caller must have it drained.
    func join(_ piece: Piece) -> Bool {
        let (starts, isComplete) = state.withLockedValue { state in
            state.waiting.append(piece)
            let isComplete = state.expected > 0 && state.waiting.count >= state.expected
            if isComplete { state.expected = 0 }
            defer { state.isDrained = true }
            return (!state.isDrained, isComplete)
        }
        if isComplete { complete.signal() }
        return starts
    }

    /// The next group; nil when nobody waits, and then nobody drains any more.
    ///
    /// - Parameters:
    ///   - answered: how many were answered just now.
    ///   - patience: how long their return is waited for; the thread waits.
    func next(after answered: Int, patience: Duration) -> [Piece]? {
        gather(answered, patience)
        return state.withLockedValue { state in
            guard !state.waiting.isEmpty else {
                state.isDrained = false
                return nil
            }
            let group = Array(state.waiting.prefix(Self.largestGroup))
            state.waiting.removeFirst(group.count)
            return group
        }
    }

    private func gather(_ answered: Int, _ patience: Duration) {
        // Who is alone is served at once: a second caller may never come.
        guard answered > 1 else { return }
        let waits = state.withLockedValue { state in
            guard state.waiting.count < answered else { return false }
            state.expected = answered
            return true
        }
        let nanoseconds = Int(patience / .nanoseconds(1))
        guard waits, complete.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .timedOut else { return }
        let wasComplete = state.withLockedValue { state in
            defer { state.expected = 0 }
            return state.expected == 0
        }
        // The last one came in just this moment, and its signal is for nobody else.
        if wasComplete { complete.wait() }
    }
}
