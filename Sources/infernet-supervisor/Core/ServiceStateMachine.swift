// The life of one daemon: events in, actions out. The shell spawns, signals and keeps the time.
// It must never do I/O or read a clock, and never ask for a second process while one may live.

import Interfaces
import NodeSystem

/// One supervised daemon. Times are milliseconds of a monotonic clock, handed in with every event.
struct ServiceStateMachine: Sendable {
    typealias State = SupervisorInterface.State

    /// What differs between daemons.
    struct Settings: Sendable, Equatable {
        /// From spawn to READY.
        var startMs: Int64 = 10_000
        /// Longest silence of the watchdog.
        var watchdogMs: Int64 = 10_000
        /// From the request to stop until SIGTERM, unless it says earlier that it is drained.
        var drainMs: Int64 = 5_000
        /// From SIGTERM to SIGKILL.
        var graceMs: Int64 = 3_000
        /// Longest time without an answer to `control.health`.
        var answerMs: Int64 = 10_000
        /// First and longest wait before a restart of a daemon that was never healthy.
        var backoffMs: ClosedRange<Int64> = 200...30_000
        /// Restarts per minute of a daemon that was healthy once. Those come at once: an attacker who crashes his
        /// own session must not be able to throttle the service into an outage.
        var restartsPerMinute = 60
        /// Exit codes after which trying again changes nothing, with what a person can do.
        var permanentExits: [Int32: Fault] = [:]
    }

    /// Something that is wrong, and what to do about it.
    struct Fault: Sendable, Equatable {
        var reason: String
        var fix: String?
    }

    /// What the machine asks to be woken by.
    enum Timer: Sendable, Hashable, CaseIterable {
        case start, watchdog, drain, grace, backoff
    }

    enum Event: Sendable, Equatable {
        /// The node wants it up.
        case start
        /// The node wants it down.
        case stop
        /// It shall be replaced by a fresh process.
        case restart(reason: String)
        case spawned(pid: Int32)
        case spawnFailed(Fault)
        case ready(pid: Int32)
        /// Its own words on what it is doing.
        case status(pid: Int32, String)
        /// A sign of life.
        case alive(pid: Int32)
        /// It answered `control.health`; no faults means well.
        case health(pid: Int32, [Fault])
        /// It did not answer `control.health` in time.
        case unanswered(pid: Int32)
        /// It has finished what was under way.
        case drained(pid: Int32)
        /// What it lacks from outside, like a port that was taken; nil when it lacks nothing.
        case impeded(Fault?)
        case exited(pid: Int32, ChildExit)
        case timer(Timer)
    }

    enum Action: Sendable, Equatable {
        case spawn
        /// Ask it to finish what is under way; answer with `drained`.
        case drain(pid: Int32)
        case signal(pid: Int32, Int32)
        case arm(Timer, milliseconds: Int64)
        case disarm(Timer)
        /// An end that nobody wanted.
        case record(pid: Int32, ChildExit, reason: String, uptimeMs: Int64)
    }

    private enum Ending { case draining, terminating, killing }

    let settings: Settings
    private(set) var state = State.down
    private(set) var reason = "not started"
    private(set) var fix: String?
    /// When `state` was entered.
    private(set) var since: Int64 = 0
    private(set) var pid: Int32?
    /// How often it was started again after an end that nobody wanted.
    private(set) var restarts = 0
    /// When it last gave a sign of life.
    private(set) var lastSign: Int64?

    private var wanted = false
    private var spawning = false
    private var everHealthy = false
    private var ending: Ending?
    /// Why we end it, when that is our doing.
    private var verdict: String?
    private var replacing: String?
    private var startedAt: Int64 = 0
    private var lastAnswer: Int64 = 0
    private var mute = false
    private var faults: [Fault] = []
    private var impediment: Fault?
    private var words: String?
    private var backoff: Int64
    private var recentRestarts: [Int64] = []

    /// Whether it is ending because somebody asked for it, and not because it had to be ended.
    var isEndingAsAsked: Bool { ending != nil && verdict == nil }

    init(_ settings: Settings) {
        self.settings = settings
        backoff = settings.backoffMs.lowerBound
    }

    mutating func on(_ event: Event, at now: Int64) -> [Action] {
        switch event {
        case .start: return start(now)
        case .stop: return stop(now)
        case .restart(let why): return restart(why, now)
        case .spawned(let new): return spawned(new, now)
        case .spawnFailed(let fault):
            guard spawning else { return [] }
            spawning = false
            return wanted ? fail(fault, now) : rest(now)
        case .exited(let which, let exit):
            return which == pid ? exited(which, exit, now) : []
        case .timer(let timer): return fired(timer, now)
        case .impeded(let fault):
            impediment = fault
            judge(now)
            return []
        case .ready(let which), .status(let which, _), .alive(let which), .health(let which, _),
            .unanswered(let which), .drained(let which):
            return which == pid ? said(event, which, now) : []
        }
    }

    // MARK: What the node wants

    private mutating func start(_ now: Int64) -> [Action] {
        wanted = true
        switch state {
        case .down, .failed: return launch("starting", now)
        case .starting, .ready, .degraded, .stopping, .backoff: return []
        }
    }

    private mutating func stop(_ now: Int64) -> [Action] {
        wanted = false
        replacing = nil
        switch state {
        case .down, .failed: return rest(now)
        case .backoff: return [.disarm(.backoff)] + rest(now)
        case .stopping: return []
        case .starting, .ready, .degraded: return end("stopping", now)
        }
    }

    private mutating func restart(_ why: String, _ now: Int64) -> [Action] {
        switch state {
        case .down where !wanted, .failed:
            wanted = true
            return launch("starting: \(why)", now)
        case .backoff: return [.disarm(.backoff)] + launch("starting: \(why)", now)
        case .down, .stopping: return []
        case .starting, .ready, .degraded:
            replacing = why
            return end("restarting: \(why)", now)
        }
    }

    // MARK: What the process does

    private mutating func spawned(_ new: Int32, _ now: Int64) -> [Action] {
        guard spawning else { return [] }
        spawning = false
        pid = new
        startedAt = now
        guard state == .starting else { return terminate(now) }
        return [.arm(.start, milliseconds: settings.startMs)]
    }

    private mutating func said(_ event: Event, _ pid: Int32, _ now: Int64) -> [Action] {
        let up = state == .ready || state == .degraded
        switch event {
        case .ready:
            guard state == .starting else { return [] }
            everHealthy = true
            backoff = settings.backoffMs.lowerBound
            lastAnswer = now
            lastSign = now
            enter(.ready, "ready", now)
            judge(now)
            return [.disarm(.start), .arm(.watchdog, milliseconds: settings.watchdogMs)]
        case .status(_, let text):
            words = text.isEmpty ? nil : text
            if state == .starting { reason = "starting: \(text)" }
            judge(now)
            return []
        case .alive:
            lastSign = now
            return up ? [.arm(.watchdog, milliseconds: settings.watchdogMs)] : []
        case .health(_, let found) where up:
            lastAnswer = now
            mute = false
            faults = found
            judge(now)
            return []
        case .unanswered where up:
            if now - lastAnswer >= settings.answerMs {
                return kill("did not answer control.health for \(seconds(now - lastAnswer))", now)
            }
            mute = true
            judge(now)
            return []
        case .drained:
            return ending == .draining ? [.disarm(.drain)] + terminate(now) : []
        default: return []
        }
    }

    private mutating func exited(_ which: Int32, _ exit: ChildExit, _ now: Int64) -> [Action] {
        let actions = Timer.allCases.map { Action.disarm($0) }
        let mark = SupervisorInterface.failureMark
        let told = words.flatMap { $0.hasPrefix(mark) ? ": \($0.dropFirst(mark.count))" : nil } ?? ""
        let why = verdict.map { "\($0), and was killed" } ?? words(for: exit) + told
        let planned = ending != nil && verdict == nil
        let record = Action.record(pid: which, exit, reason: why, uptimeMs: now - startedAt)
        (pid, ending, verdict, mute, faults, words) = (nil, nil, nil, false, [], nil)
        if !wanted { return actions + (planned ? [] : [record]) + rest(now) }
        if let replacement = replacing {
            replacing = nil
            return actions + (planned ? [] : [record]) + launch("starting: \(replacement)", now)
        }
        // Wanted again while it was ending as asked.
        if planned { return actions + launch("starting", now) }
        if case .exited(let code) = exit, let fault = settings.permanentExits[code] {
            enter(.failed, "exit code \(code): \(fault.reason)\(told)", fix: fault.fix, now)
            return actions + [record]
        }
        return actions + [record] + retry(after: Fault(reason: why, fix: nil), now)
    }

    private mutating func fired(_ timer: Timer, _ now: Int64) -> [Action] {
        switch (timer, state) {
        case (.start, .starting) where pid != nil:
            return kill("did not become ready within \(seconds(settings.startMs))", now)
        case (.watchdog, .ready), (.watchdog, .degraded):
            return kill("gave no sign of life for \(seconds(settings.watchdogMs))", now)
        case (.drain, .stopping) where ending == .draining: return terminate(now)
        case (.grace, .stopping) where ending == .terminating:
            return kill("did not stop within \(seconds(settings.graceMs)) of SIGTERM", now)
        case (.backoff, .backoff): return launch("trying again after: \(reason)", now)
        default: return []
        }
    }

    // MARK: Ways to change

    private mutating func launch(_ why: String, _ now: Int64) -> [Action] {
        guard pid == nil, !spawning else { return [] }
        spawning = true
        enter(.starting, why, now)
        return [.spawn]
    }

    private mutating func rest(_ now: Int64) -> [Action] {
        enter(.down, "stopped", now)
        return []
    }

    /// Begins an orderly end of what runs, or of what is just being spawned.
    private mutating func end(_ why: String, _ now: Int64) -> [Action] {
        let wasUp = state != .starting
        enter(.stopping, why, now)
        guard let pid else { return [] }
        let quiet: [Action] = [.disarm(.start), .disarm(.watchdog)]
        guard wasUp else { return quiet + terminate(now) }
        ending = .draining
        return quiet + [.drain(pid: pid), .arm(.drain, milliseconds: settings.drainMs)]
    }

    private mutating func terminate(_ now: Int64) -> [Action] {
        guard let pid else { return [] }
        ending = .terminating
        return [.signal(pid: pid, 15), .arm(.grace, milliseconds: settings.graceMs)]
    }

    private mutating func kill(_ why: String, _ now: Int64) -> [Action] {
        guard let pid else { return [] }
        verdict = why
        ending = .killing
        enter(.stopping, why, now)
        return Timer.allCases.map { .disarm($0) } + [.signal(pid: pid, 9)]
    }

    /// A process that could not even be started: waits, healthy before or not, as nobody outside can cause it.
    private mutating func fail(_ fault: Fault, _ now: Int64) -> [Action] {
        replacing = nil
        restarts += 1
        return wait(after: fault, now)
    }

    private mutating func retry(after fault: Fault, _ now: Int64) -> [Action] {
        restarts += 1
        guard everHealthy else { return wait(after: fault, now) }
        recentRestarts.removeAll { $0 <= now - 60_000 }
        guard recentRestarts.count >= settings.restartsPerMinute, let oldest = recentRestarts.first else {
            recentRestarts.append(now)
            return launch("restarting after: \(fault.reason)", now)
        }
        let delay = oldest + 60_000 - now
        let count = recentRestarts.count
        recentRestarts.append(now + delay)
        enter(
            .backoff, "\(fault.reason); restarted \(count) times within a minute",
            fix: "See why with: infernetctl logs", now)
        return [.arm(.backoff, milliseconds: delay)]
    }

    private mutating func wait(after fault: Fault, _ now: Int64) -> [Action] {
        let delay = backoff
        backoff = min(backoff * 2, settings.backoffMs.upperBound)
        enter(.backoff, fault.reason, fix: fault.fix ?? "See why with: infernetctl logs", now)
        return [.arm(.backoff, milliseconds: delay)]
    }

    /// Ready or degraded, by what is known about a running daemon.
    private mutating func judge(_ now: Int64) {
        guard state == .ready || state == .degraded else { return }
        var wrong = faults
        if let impediment { wrong.insert(impediment, at: 0) }
        if mute { wrong.insert(Fault(reason: "is slow to answer control.health", fix: nil), at: 0) }
        guard !wrong.isEmpty else { return enter(.ready, words ?? "ready", now) }
        enter(
            .degraded, wrong.map(\.reason).joined(separator: "; "), fix: wrong.lazy.compactMap(\.fix).first,
            now)
    }

    private mutating func enter(_ new: State, _ why: String, fix: String? = nil, _ now: Int64) {
        if new != state { since = now }
        state = new
        reason = why
        self.fix = fix
    }

    private func words(for exit: ChildExit) -> String {
        switch exit {
        case .exited(let code):
            return "ended by itself with \(exit)" + (code == 0 ? ", which nobody asked for" : "")
        case .signalled: return "killed by \(exit)"
        case .unknown: return "ended, and its parent knows how"
        }
    }

    private func seconds(_ milliseconds: Int64) -> String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
