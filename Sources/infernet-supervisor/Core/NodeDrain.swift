// Empties the node: has aggregator-d refuse new jobs, asks how many are left, and cancels those that take too long.
// It must never stop a process, nor forget that the node is drained because aggregator-d crashed.

import IPC
import Interfaces
import Logging
import Synchronization
import Wire

/// The door to the node's work.
final class NodeDrain: Sendable {
    typealias Work = SupervisorInterface.Work

    private struct State {
        var work = Work(state: .open, running: 0)
        var task: Task<Void, Never>?
    }

    private let aggregator: PeerLink
    private let clock: NodeClock
    private let log: Logger
    private let state = Mutex(State())

    /// Between two questions while jobs run, and while none does: then it is asked only for a crash's sake.
    private static let pauses = (busy: Duration.milliseconds(200), empty: Duration.seconds(2))
    private static let askPatienceMs = 2_000
    private static let overdue = "The node was drained, and the time for that was up."

    init(aggregator: PeerLink, clock: NodeClock, log: Logger) {
        self.aggregator = aggregator
        self.clock = clock
        self.log = log
    }

    /// Whether jobs are taken; nil when nobody has drained the node.
    var work: Work? { state.withLock { $0.work.state == .open ? nil : $0.work } }

    /// In words, with what can be done; nil when jobs are taken.
    var words: (reason: String, fix: String)? {
        guard let work else { return nil }
        if work.state == .drained {
            return (
                "drained: no job is under way, and none is taken",
                "Restart or stop it now, or take jobs again: infernetctl drain --resume"
            )
        }
        let jobs = work.running == 1 ? "1 job is" : "\(work.running) jobs are"
        let left = work.until.map { max(0, $0 - clock.unixMilliseconds) / 1000 } ?? 0
        return (
            "draining: \(jobs) under way, and none is taken; what is not done in \(left) s is cancelled",
            "Wait for 'drained', or take jobs again: infernetctl drain --resume"
        )
    }

    /// Does what a person asks for.
    func perform(_ request: SupervisorInterface.Drain) async throws -> Work {
        request.resume ? try await resume() : try await begin(request.patienceMs)
    }

    private func begin(_ patienceMs: Int64) async throws -> Work {
        let running = try await aggregator.call(AggregatorInterface.Admit(open: false)).running
        let now = clock.unixMilliseconds
        let work = state.withLock { state in
            let since = state.work.since ?? now
            state.work = Work(
                state: running == 0 ? .drained : .draining, running: running, since: since,
                until: now + max(0, min(patienceMs, 86_400_000)))
            state.task?.cancel()
            state.task = Task { await self.watch() }
            return state.work
        }
        log.notice("takes no new jobs", metadata: ["running": "\(running)"])
        return work
    }

    private func resume() async throws -> Work {
        _ = try await aggregator.call(AggregatorInterface.Admit(open: true))
        lapse()
        log.notice("takes jobs again")
        return state.withLock { $0.work }
    }

    /// The daemon that refused jobs is replaced by one that takes them.
    func lapse() {
        state.withLock { state in
            state.task?.cancel()
            state = State()
        }
    }

    /// Keeps the door shut: a process that came after a crash knows nothing of it.
    private func watch() async {
        while !Task.isCancelled, let work {
            let late = clock.unixMilliseconds >= work.until ?? .max && work.running > 0
            let request = AggregatorInterface.Admit(open: false, cancel: late ? Self.overdue : nil)
            if let reply = try? await aggregator.call(request, deadlineMs: Self.askPatienceMs) {
                heard(reply.running)
            }
            try? await Task.sleep(for: work.running > 0 ? Self.pauses.busy : Self.pauses.empty)
        }
    }

    private func heard(_ running: Int) {
        let drained = state.withLock { state in
            guard !Task.isCancelled, state.work.state != .open else { return false }
            let before = state.work.state
            state.work.running = running
            state.work.state = running == 0 ? .drained : .draining
            return before == .draining && running == 0
        }
        if drained { log.notice("drained: no job is under way") }
    }
}
