// Runs tasks on an event loop's own thread, so that a call costs no hand-over between threads; what they write in one
// turn of the loop leaves at its end.
// It must never run a task anywhere else, nor keep the loop from its sockets while tasks go on waking each other.

import NIOConcurrencyHelpers
public import NIOCore

/// The task executor of one event loop.
// All but `enqueue` happens on the loop only.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {  // see above
    private struct Known {
        weak var executor: LoopExecutor?
    }
    /// One for each loop, so that all that happens in a turn of it ends with that turn. A loop is kept by its executor:
    /// its place in memory is not another's while the executor lives.
    private static let known = NIOLockedValueBox<[ObjectIdentifier: Known]>([:])

    public let loop: any EventLoop
    private var ready: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var unsent: [FrameOutlet] = []
    /// Who would look for a reply when its request has left.
    private var watchers: [ClientConnection] = []
    private var isDue = false

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// The executor of a loop. Keep it.
    public static func of(_ loop: any EventLoop) -> LoopExecutor {
        known.withLockedValue { known in
            if let executor = known[ObjectIdentifier(loop)]?.executor { return executor }
            let executor = LoopExecutor(loop)
            known[ObjectIdentifier(loop)] = Known(executor: executor)
            return executor
        }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard loop.inEventLoop else {
            return loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
        ready.append(job)
        becomeDue()
    }

    /// Has an outlet flushed at the end of the turn.
    func flushLater(_ outlet: FrameOutlet) {
        unsent.append(outlet)
        becomeDue()
    }

    /// Lets a connection look for its reply at the end of the turn, if nobody else has anything to do here.
    func watchLater(_ connection: ClientConnection) { watchers.append(connection) }

    /// Runs what became ready, then sends what was written. The loop does it by itself when nobody does it before.
    func endTurn() {
        isDue = false
        swap(&ready, &running)
        if !running.isEmpty {
            // What these make ready waits for the next turn, so that sockets have theirs.
            let executor = asUnownedTaskExecutor()
            for job in running { job.runSynchronously(on: executor) }
            running.removeAll(keepingCapacity: true)
        }
        for outlet in unsent { outlet.flush() }
        unsent.removeAll(keepingCapacity: true)
        guard !watchers.isEmpty else { return }
        if watchers.count == 1, ready.isEmpty { watchers[0].look() }
        watchers.removeAll(keepingCapacity: true)
    }

    private func becomeDue() {
        guard !isDue else { return }
        isDue = true
        loop.execute { if self.isDue { self.endTurn() } }
    }
}
