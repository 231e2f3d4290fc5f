// A job's life on any of the three sides: received, planned, running, verifying, then done, failed or cancelled.
// It must never touch a clock, a socket or the journal: events in, actions out. Late and repeated events do nothing.

import Interfaces
import Wire

/// The state of one job.
struct JobStateMachine: Sendable {
    private enum Phase: Equatable, Sendable {
        case idle, planning
        case running(Int)
        case waiting, settling
        case ended
    }

    /// Why the work under way was told to stop.
    private enum Stop: Sendable {
        /// Only this attempt ends; another candidate may be tried.
        case attempt(WireError)
        case job(WireError)
        case cancel(WireError)
    }

    /// Whether another node asked for it.
    let served: Bool
    let limits: JobLimits
    private(set) var state: AggregatorInterface.State = .received
    private var phase = Phase.idle
    private var candidates: [String] = []
    /// Which of them is this node itself.
    private var here: Int?
    /// Whom to try after the attempt that runs, in this round.
    private var untried: [Int] = []
    /// Who was full or leaving in this round, and may be neither in the next.
    private var busy: [Int] = []
    /// What another node said of the request itself; it counts when nobody does the job.
    private var refusal: WireError?
    /// Whether the candidates were remembered and not searched for: when none of them does it, it is searched.
    private var isRemembered = false
    private var waitedMs = 0
    private var contacted = false
    private var delivered = false
    private var stop: Stop?

    init(served: Bool, limits: JobLimits) {
        self.served = served
        self.limits = limits
    }

    /// The number of the attempt that runs or ran last.
    private(set) var attempt = 0

    /// Takes one event.
    mutating func on(_ event: JobEvent) -> [JobAction] {
        switch (phase, event) {
        case (.idle, .begin): return begin()
        case (.idle, .cancel(let reason)):
            return end(.cancelled(Self.cancellation(reason)))
        case (.planning, .planned(let candidates, let here, let summary, let remembered)):
            isRemembered = remembered
            return planned(candidates, here, summary)
        case (.planning, .planFailed(let error)): return end(outcome(stopped: stop, else: error))
        case (.running(let current), .contact(let n)) where n == current: return contact()
        case (.running(let current), .firstPiece(let n)) where n == current: return firstPiece()
        case (.running(let current), .answered(let n)) where n == current: return answered()
        case (.running(let current), .attemptFailed(let n, let error)) where n == current:
            return attemptFailed(error)
        case (.waiting, .paused): return paused()
        case (.settling, .settled(let words)):
            return [.praise(attempt)] + moved(.done, words) + end(.done)
        case (.settling, .settleFailed(let error)): return settleFailed(error)
        case (_, .deadline(let stage, let n, let idle)): return deadline(stage, n, idle)
        // A complete answer is settled whoever has gone: the work was done.
        case (.planning, .cancel(let reason)), (.running, .cancel(let reason)),
            (.waiting, .cancel(let reason)):
            return halt(.cancel(Self.cancellation(reason)))
        default: return []
        }
    }

    private mutating func begin() -> [JobAction] {
        phase = .planning
        let words = served ? "asked for by another node" : "taken from this node's people"
        return moved(.received, words) + [arm(.total), arm(.plan), .work(.plan)]
    }

    private mutating func planned(_ names: [String], _ here: Int?, _ summary: String) -> [JobAction] {
        if let stop { return end(outcome(stopped: stop, else: nil)) }
        guard !names.isEmpty else {
            return end(.failed(WireError(.noProvider, "The plan has no candidate: \(summary).")))
        }
        // Those of an earlier plan keep their numbers: events of theirs may still come.
        let offset = candidates.count
        candidates += names
        self.here = here.map { offset + $0 }
        untried = names.indices.prefix(limits.maximumAttempts).map { offset + $0 }
        return [.disarm(.plan)] + moved(.planned, summary) + next()
    }

    private mutating func next() -> [JobAction] {
        let number = untried.removeFirst()
        phase = .running(number)
        attempt = number
        contacted = false
        stop = nil
        return moved(.running, candidates[number]) + [arm(.connect), .work(.attempt(number))]
    }

    private mutating func contact() -> [JobAction] {
        guard !contacted else { return [] }
        contacted = true
        return [.disarm(.connect), arm(.firstPiece)]
    }

    private mutating func firstPiece() -> [JobAction] {
        guard !delivered else { return [] }
        contacted = true
        delivered = true
        return [.disarm(.connect), .disarm(.firstPiece), arm(.nextPiece)]
    }

    private mutating func answered() -> [JobAction] {
        phase = .settling
        stop = nil
        let words =
            served ? "answered; the receipt is being signed" : "answered; the receipt is being checked"
        return disarmAttempt() + moved(.verifying, words) + [arm(.settle), .work(.settle)]
    }

    private mutating func attemptFailed(_ error: WireError) -> [JobAction] {
        let number = attempt
        switch stop {
        case .job(let reason): return disarmAttempt() + end(.failed(reason))
        case .cancel(let reason): return disarmAttempt() + end(.cancelled(reason))
        case .attempt, nil: break
        }
        var cause = error
        if case .attempt(let reason) = stop { cause = reason }
        let isElsewhere = !served && number != here
        let judgement = FailureJudgement(cause, elsewhere: isElsewhere)
        var actions = disarmAttempt()
        // Who was remembered may have left meanwhile, and said so in the network: no word from him is no failure of his.
        let mayHaveLeft = isRemembered && !contacted
        if judgement.blames { actions.append(mayHaveLeft ? .lost(number) : .blame(number, cause.message)) }
        if judgement.passes, number != here { busy.append(number) }
        if isElsewhere, FailureJudgement.isOfRequest(cause) { refusal = refusal ?? cause }
        guard !delivered, judgement.retries else { return actions + end(.failed(cause)) }
        let words = "\(candidates[number]) failed: \(cause.message)"
        if !untried.isEmpty { return actions + moved(.running, words) + next() }
        if let waiting = waitForPlace(cause) { return actions + waiting }
        guard isRemembered, refusal == nil else { return actions + end(.failed(refusal ?? cause)) }
        phase = .planning
        stop = nil
        return actions + moved(.running, words + " It is searched for others") + [arm(.plan), .work(.plan)]
    }

    /// Waits for those who may soon have a place; nil when there are none, or it was waited long enough. Another node's
    /// job is not waited with: its own node can go elsewhere. Nor is this node itself waited for: it has a line of its
    /// own, and whoever finds that full is told so at once.
    private mutating func waitForPlace(_ cause: WireError) -> [JobAction]? {
        let pause = min(max(cause.retryAfterMs ?? 500, 250), 2_000)
        guard !served, let first = busy.first, waitedMs + pause <= limits.busyMs else { return nil }
        waitedMs += pause
        untried = busy
        busy = []
        phase = .waiting
        let words = "\(candidates[first]) has no place: \(cause.message) Asked again in \(pause) ms"
        return moved(.running, words) + [.work(.pause(pause))]
    }

    private mutating func paused() -> [JobAction] {
        stop == nil ? next() : end(outcome(stopped: stop, else: nil))
    }

    private mutating func settleFailed(_ error: WireError) -> [JobAction] {
        var cause = error
        if case .job(let reason) = stop { cause = reason }
        let blame: [JobAction] = cause.code == .verificationFailed ? [.blame(attempt, cause.message)] : []
        return blame + end(.failed(cause))
    }

    private mutating func deadline(_ stage: JobStage, _ number: Int, _ idleMs: Int) -> [JobAction] {
        switch (stage, phase) {
        case (_, .idle), (_, .ended): return []
        case (.total, _): return halt(.job(late("The job", limits.totalMs)))
        case (.plan, .planning): return halt(.job(late("Planning", limits.planMs)))
        case (.settle, .settling): return halt(.job(late("Settling the receipt", limits.settleMs)))
        case (.connect, .running(number)) where !contacted:
            return halt(.attempt(late("Reaching whoever runs it", limits.connectMs)))
        case (.firstPiece, .running(number)) where !delivered:
            return halt(.attempt(late("The first piece of the answer", limits.firstPieceMs)))
        case (.nextPiece, .running(number)):
            let left = limits.nextPieceMs - idleMs
            if left > 0 { return [.arm(.nextPiece, attempt: number, milliseconds: left)] }
            return halt(.attempt(late("The next piece of the answer", limits.nextPieceMs)))
        default: return []
        }
    }

    /// Stops the work under way, once; the first reason counts, but one that ends the job beats one that does not.
    private mutating func halt(_ reason: Stop) -> [JobAction] {
        switch (stop, reason) {
        case (nil, _):
            stop = reason
            return [.stop]
        case (.attempt, .job), (.attempt, .cancel):
            stop = reason
            return []
        default: return []
        }
    }

    private func outcome(stopped: Stop?, else error: WireError?) -> JobOutcome {
        switch stopped {
        case .cancel(let reason): .cancelled(reason)
        case .job(let reason), .attempt(let reason): .failed(reason)
        case nil: .failed(error ?? WireError(.internalError, "The job ended without a reason."))
        }
    }

    private mutating func end(_ outcome: JobOutcome) -> [JobAction] {
        phase = .ended
        var actions: [JobAction] = JobStage.allCases.map { .disarm($0) }
        switch outcome {
        case .done: break
        case .failed(let error): actions += moved(.failed, error.message, error.fix)
        case .cancelled(let error): actions += moved(.cancelled, error.message, error.fix)
        }
        return actions + [.end(outcome)]
    }

    private mutating func moved(
        _ state: AggregatorInterface.State, _ reason: String, _ fix: String? = nil
    ) -> [JobAction] {
        self.state = state
        return [.state(state, reason: reason, fix: fix)]
    }

    private func arm(_ stage: JobStage) -> JobAction {
        .arm(stage, attempt: attempt, milliseconds: limits.milliseconds(stage))
    }

    private func disarmAttempt() -> [JobAction] {
        [.disarm(.connect), .disarm(.firstPiece), .disarm(.nextPiece)]
    }

    private func late(_ what: String, _ milliseconds: Int) -> WireError {
        WireError(
            .deadlineExceeded, "\(what) took longer than \(milliseconds) ms.",
            fix: "Ask again; if it stays so, look at 'infernetctl doctor' and the node's load.")
    }

    private static func cancellation(_ reason: String) -> WireError { WireError(.cancelled, reason) }
}
