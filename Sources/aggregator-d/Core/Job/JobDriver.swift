// Performs what the state machine says: journal, timers, one piece of work at a time, and its stopping.
// It must never decide anything about the job, nor do anything per token but note the time.

import IPC
import Interfaces
import NIOCore
import NodeModel
import Synchronization
import Wire

/// The shell around one job's state machine.
final class JobDriver: Sendable {
    /// What the driver tells others.
    struct Hooks: Sendable {
        /// The candidate of this number failed.
        var blame: @Sendable (Int, String) -> Void = { _, _ in }
        /// The candidate of this number is not where it was remembered.
        var lost: @Sendable (Int) -> Void = { _ in }
        var praise: @Sendable (Int) -> Void = { _ in }
        /// A change of state in words, for whoever waits.
        var announce: @Sendable (String) async -> Void = { _ in }
    }

    let key: JobKey
    private let journal: JobJournal
    private let clock: WallClock
    private let executor: LoopExecutor
    private let hooks: Hooks
    private let inner: Mutex<Inner>
    private let lastPiece = Atomic<UInt64>(0)

    private struct Inner {
        var machine: JobStateMachine
        var record: AggregatorInterface.Record
        var timers: [JobStage: Scheduled<Void>] = [:]
        var work: JobWork?
        var stopped = false
        var stopper: CheckedContinuation<Void, Never>?
        var notices: [String] = []
        var outcome: JobOutcome?
    }

    init(
        record: AggregatorInterface.Record, limits: JobLimits, journal: JobJournal, clock: WallClock,
        loop: any EventLoop, hooks: Hooks
    ) {
        key = JobKey(job: record.job, served: record.side == .provider)
        self.journal = journal
        self.clock = clock
        self.hooks = hooks
        executor = LoopExecutor.of(loop)
        inner = Mutex(
            Inner(
                machine: JobStateMachine(served: record.side == .provider, limits: limits),
                record: record))
        journal.append(.opened(record))
    }

    /// The job as it stands.
    var record: AggregatorInterface.Record { inner.withLock { $0.record } }

    /// Notes who runs it.
    func place(_ side: AggregatorInterface.Side, _ peer: PublicKey?, model: String) {
        inner.withLock { inner in
            inner.record.side = side
            inner.record.peer = peer
            inner.record.model = model
            journal.append(.placed(key, side, peer, model: model))
        }
    }

    /// Notes the quote on which it is sent, or taken.
    func quoted(_ quote: String) {
        inner.withLock { inner in
            guard inner.record.quote != quote else { return }
            inner.record.quote = quote
            journal.append(.quoted(key, quote))
        }
    }

    /// Notes what a receipt says.
    func bill(_ body: ReceiptBody) {
        inner.withLock { inner in
            inner.record.usage = body.usage
            inner.record.timings = body.timings
            inner.record.price = body.price
            inner.record.asset = body.unitPrice.asset
        }
    }

    /// A piece of the answer passed. The hot path: a clock and an atomic, and a lock for the first one only.
    func piece(_ attempt: Int) {
        let before = lastPiece.exchange(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        if before == 0 { feed(.firstPiece(attempt)) }
    }

    /// Takes an event and does what follows from it.
    func feed(_ event: JobEvent) {
        let after = inner.withLock { inner in
            var after: [JobAction] = []
            for action in inner.machine.on(event) {
                if !perform(action, &inner) { after.append(action) }
            }
            return after
        }
        for action in after {
            switch action {
            case .blame(let number, let reason): hooks.blame(number, reason)
            case .lost(let number): hooks.lost(number)
            case .praise(let number): hooks.praise(number)
            default: break
            }
        }
    }

    /// Runs the job to its end. Cancelling the task cancels the job, except while a complete answer is settled.
    /// `perform` does a piece of work, and always gives the event that ends it, soon after its cancellation.
    func run(_ perform: @escaping @Sendable (JobWork) async -> JobEvent) async -> JobOutcome {
        await withTaskCancellationHandler {
            feed(.begin)
            await announce()
            while let work = takeWork() {
                let event = await supervise(work, perform)
                feed(event)
                await announce()
            }
            return inner.withLock { $0.outcome }
                ?? .failed(WireError(.internalError, "The job stopped without having ended."))
        } onCancel: {
            feed(.cancel("The caller went away."))
        }
    }

    private func announce() async {
        let words = inner.withLock { inner in
            defer { inner.notices = [] }
            return inner.notices
        }
        for text in words { await hooks.announce(text) }
    }

    private func takeWork() -> JobWork? {
        inner.withLock { inner in
            defer { inner.work = nil }
            return inner.work
        }
    }

    private func supervise(
        _ work: JobWork, _ perform: @escaping @Sendable (JobWork) async -> JobEvent
    ) async -> JobEvent {
        if work == .settle {
            // Not a child: the caller's going away must not stop it. It ends with the machine's deadline at the latest.
            let task = Task(executorPreference: executor) { await perform(work) }
            let watch = Task(executorPreference: executor) {
                await self.untilStopped()
                if !Task.isCancelled { task.cancel() }
            }
            let event = await task.value
            watch.cancel()
            return event
        }
        if case .attempt = work { lastPiece.store(0, ordering: .relaxed) }
        return await withTaskGroup(of: JobEvent?.self) { group in
            group.addTask { await Self.carryOut(work, perform) }
            group.addTask {
                await self.untilStopped()
                return nil
            }
            var ending: JobEvent?
            while let event = await group.next() {
                group.cancelAll()
                ending = event ?? ending
            }
            return ending ?? .cancel("The work ended without a word.")
        }
    }

    private static func carryOut(
        _ work: JobWork, _ perform: @Sendable (JobWork) async -> JobEvent
    ) async -> JobEvent {
        guard case .pause(let milliseconds) = work else { return await perform(work) }
        try? await Task.sleep(for: .milliseconds(milliseconds))
        return .paused
    }

    /// Returns when the work is to stop, or the task is cancelled.
    private func untilStopped() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = inner.withLock { inner in
                    if inner.stopped || Task.isCancelled { return true }
                    inner.stopper = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            inner.withLock { inner in
                inner.stopper?.resume()
                inner.stopper = nil
            }
        }
    }

    /// Performs what can be done under the lock; false for the rest.
    private func perform(_ action: JobAction, _ inner: inout Inner) -> Bool {
        switch action {
        case .state(let state, let reason, let fix):
            let now = clock.milliseconds()
            inner.record.state = state
            inner.record.reason = reason
            inner.record.fix = fix
            inner.record.updatedAt = now
            inner.notices.append(reason)
            journal.append(.moved(key, state, reason: reason, fix: fix, at: now))
        case .arm(let stage, let attempt, let milliseconds): arm(stage, attempt, milliseconds, &inner)
        case .disarm(let stage): inner.timers.removeValue(forKey: stage)?.cancel()
        case .work(let work):
            inner.work = work
            inner.stopped = false
        case .stop:
            inner.stopped = true
            inner.stopper?.resume()
            inner.stopper = nil
        case .end(let outcome): inner.outcome = outcome
        case .blame, .lost, .praise: return false
        }
        return true
    }

    private func arm(_ stage: JobStage, _ attempt: Int, _ milliseconds: Int, _ inner: inout Inner) {
        inner.timers.removeValue(forKey: stage)?.cancel()
        inner.timers[stage] = executor.loop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
            [weak self] in
            guard let self else { return }
            let last = lastPiece.load(ordering: .relaxed)
            let idle = (NIODeadline.now().uptimeNanoseconds &- last) / 1_000_000
            feed(.deadline(stage, attempt: attempt, idleMs: Int(clamping: idle)))
        }
    }
}
