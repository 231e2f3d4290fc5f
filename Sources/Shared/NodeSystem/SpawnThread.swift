// The one permanent thread that starts children and the one reaper of them: the kernel ties the parent-death signal to
// the thread that spawned. It must never run anything slow: an exit is told the moment it happens.

import CHost
import Glibc
import Synchronization

/// Starts children and tells how each ends. Handlers run on this thread, in order, and must return at once.
public final class SpawnThread: Sendable {
    /// What happens to one child, in this order: `started` then `ended`, or `failed` alone.
    public enum Event: Sendable {
        /// It has exec'd.
        case started(ChildProcess)
        /// It never ran; the error names the step.
        case failed(SystemError)
        /// It ended, is reaped, and what was left of its process group is killed.
        case ended(ChildProcess, ChildExit)
    }

    /// Receives the events of one child.
    public typealias Handler = @Sendable (Event) -> Void

    private struct Job: Sendable {
        var request: SpawnRequest
        var handler: Handler
    }

    private struct Pipe: Sendable {
        var descriptor: Int32
        var pause: Duration
        var readable: @Sendable () -> Bool
        /// Until when it is left alone.
        var quiet: ContinuousClock.Instant?
    }

    private struct Inbox {
        var jobs: [Job] = []
        var pipes: [Pipe] = []
        var standby: String?
        var stopping = false
    }

    private struct Watched {
        var child: ChildProcess
        var leadsGroup: Bool
        var handler: Handler
    }

    private let inbox = Mutex(Inbox())
    private let wake: Int32

    /// Starts the thread. It lives until `stop()`.
    public init() throws {
        wake = try checked("cannot make an eventfd", chost_eventfd())
        try PermanentThread.start("spawn") { self.loop() }
    }

    deinit { close(wake) }

    /// Starts a child; the handler hears what becomes of it. The descriptors of the request must stay open until
    /// `started` or `failed`.
    public func spawn(_ request: SpawnRequest, handler: @escaping Handler) {
        let accepted = inbox.withLock {
            if !$0.stopping { $0.jobs.append(Job(request: request, handler: handler)) }
            return !$0.stopping
        }
        if !accepted {
            handler(.failed(SystemError(.spawnFailed, "cannot start \(request.executable): shutting down")))
        }
        nudge()
    }

    /// Starts a child and waits until it runs. `onExit` hears how it ended; it may run before this function returns.
    ///
    /// - Throws: `SystemError` `.spawnFailed` naming the step.
    public func spawn(
        _ request: SpawnRequest, onExit: @escaping @Sendable (ChildExit) -> Void
    ) async throws -> ChildProcess {
        try await withCheckedThrowingContinuation { continuation in
            spawn(request) { event in
                switch event {
                case .started(let child): continuation.resume(returning: child)
                case .failed(let error): continuation.resume(throwing: error)
                case .ended(_, let exit): onExit(exit)
                }
            }
        }
    }

    /// Calls `readable` on this thread whenever there is something to read, until it returns false. The descriptor
    /// should not block, and stays the caller's: close it only after `readable` returned false.
    ///
    /// - Parameter pause: how long it is left alone after that, so that what comes meanwhile is read at once.
    public func watch(
        _ descriptor: Int32, pause: Duration = .zero, readable: @escaping @Sendable () -> Bool
    ) {
        inbox.withLock {
            $0.pipes.append(Pipe(descriptor: descriptor, pause: pause, readable: readable, quiet: nil))
        }
        nudge()
    }

    /// From now on keeps one process of this program waiting (see ``Standby``), which children that are the same file
    /// under another name are made of. It is no child before, and nobody hears of it.
    public func keepStandby(_ executable: String) {
        inbox.withLock { $0.standby = executable }
        nudge()
    }

    /// Ends the thread. Children with a parent-death signal die with it.
    public func stop() {
        inbox.withLock { $0.stopping = true }
        nudge()
    }

    private func nudge() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    private func loop() {
        var watched: [Watched] = []
        var pipes: [Pipe] = []
        var keeper = StandbyKeeper(executable: nil)
        while true {
            let (jobs, added, standby, stopping) = inbox.withLock { inbox in
                defer {
                    inbox.jobs = []
                    inbox.pipes = []
                    inbox.standby = nil
                }
                return (inbox.jobs, inbox.pipes, inbox.standby, inbox.stopping)
            }
            pipes += added
            if let standby {
                keeper = StandbyKeeper(executable: standby)
                keeper.renew()
            }
            for job in jobs {
                if let child = start(job, &keeper) { watched.append(child) }
            }
            if stopping { return }
            keeper.renew()
            var polled = [wake, keeper.watched] + watched.map { $0.child.watched ?? -1 }
            // A descriptor below zero is not looked at.
            polled += pipes.map { $0.quiet == nil ? $0.descriptor : -1 }
            var seen = polled.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if poll(&seen, nfds_t(seen.count), Self.patience(keeper, pipes)) < 0 { continue }
            if seen[0].revents != 0 {
                var count: UInt64 = 0
                _ = read(wake, &count, 8)
            }
            if seen[1].revents != 0 { keeper.lost() }
            // What a child said comes before the news of its end.
            for index in pipes.indices.reversed() where seen[2 + watched.count + index].revents != 0 {
                if !pipes[index].readable() {
                    pipes.remove(at: index)
                } else if pipes[index].pause > .zero {
                    pipes[index].quiet = .now + pipes[index].pause
                }
            }
            Self.hear(&pipes)
            for index in watched.indices.reversed() where seen[2 + index].revents != 0 {
                // Before it is reaped: until then nobody else can have its pid, so the group is surely its own.
                if watched[index].leadsGroup { kill(-watched[index].child.pid, SIGKILL) }
                guard let exit = watched[index].child.reap() else { continue }
                let ended = watched.remove(at: index)
                ended.handler(.ended(ended.child, exit))
            }
        }
    }

    /// For how many milliseconds nothing is due; -1 for ever.
    private static func patience(_ keeper: StandbyKeeper, _ pipes: [Pipe]) -> Int32 {
        guard let next = pipes.compactMap(\.quiet).min() else { return keeper.timeout }
        let left = Int32(max(0, (next - .now) / .milliseconds(1)) + 1)
        return keeper.timeout < 0 ? left : min(left, keeper.timeout)
    }

    /// Looks again at pipes whose pause is over.
    private static func hear(_ pipes: inout [Pipe]) {
        for index in pipes.indices {
            if let quiet = pipes[index].quiet, quiet <= .now { pipes[index].quiet = nil }
        }
    }

    private func start(_ job: Job, _ keeper: inout StandbyKeeper) -> Watched? {
        do {
            let child = ChildProcess(try keeper.take(for: job.request) ?? Spawner.start(job.request))
            job.handler(.started(child))
            return Watched(child: child, leadsGroup: job.request.newSession, handler: job.handler)
        } catch let error as SystemError {
            job.handler(.failed(error))
        } catch {
            job.handler(
                .failed(SystemError(.spawnFailed, "cannot start \(job.request.executable): \(error)")))
        }
        return nil
    }
}
