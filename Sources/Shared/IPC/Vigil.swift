// Keeps a loop awake for a moment while messages follow each other closely: to fall asleep and to be woken costs each side
// of a call more than all its work. It must never keep a loop awake whose messages come at a person's or an engine's pace,
// nor keep it from anything else: each look is a whole turn of the loop.

import Glibc
import NIOCore

/// The wakefulness of one loop.
// Touched on its loop only.
final class Vigil: @unchecked Sendable {  // see above
    /// Messages closer than this follow each other closely, and so long a loop stays awake for the next; in nanoseconds.
    /// It is about what the two wakes of a call cost: staying awake at most doubles what a wrong guess costs.
    static let patience: UInt64 = 50_000
    /// So many must have followed each other closely before.
    static let proof = 16

    private let loop: any EventLoop
    private var last: UInt64 = 0
    private var streak = 0
    private var isAwake = false

    init(_ loop: any EventLoop) { self.loop = loop }

    /// A message came.
    func heard() {
        let now = Self.now()
        let isClose = now &- last < Self.patience
        last = now
        streak = isClose ? min(streak + 1, Self.proof) : 0
        guard streak == Self.proof, !isAwake else { return }
        isAwake = true
        watch()
    }

    private func watch() {
        loop.execute {
            guard Self.now() &- self.last < Self.patience else {
                self.isAwake = false
                return
            }
            self.watch()
        }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
