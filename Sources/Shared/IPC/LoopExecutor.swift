// Runs tasks on an event loop's own thread, so that a call costs no hand-over between threads.
// It must never run a task anywhere else.

public import NIOCore

/// A task executor over one event loop.
public final class LoopExecutor: TaskExecutor {
    public let loop: any EventLoop

    public init(_ loop: any EventLoop) { self.loop = loop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
