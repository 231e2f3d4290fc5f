// The second shell around the state machines: systemd starts the daemons and ends them, this one asks how they are and
// has a sick one replaced. It must never start or signal a process: it has no right to, and a daemon that is asked
// to exit goes by itself; one that cannot answer is ended by systemd's watchdog.

import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import NodeSystem
import Policy
import Wire

/// The house under systemd.
actor HouseWatch {
    /// One daemon, looked at from outside.
    struct Ward {
        let row: ServiceRow
        /// Its user; nil when this machine does not have it.
        let account: UserAccount?
        let link: PeerLink
        var machine: ServiceStateMachine
        var process: ControlInterface.Process.Reply?
        var checks: [ControlInterface.Check] = []
        /// How often another process answered than before, without anybody having asked for it.
        var replaced = 0
        /// When the wait for the present start began.
        var waitingSince: Int64 = 0
        var timers: [ServiceStateMachine.Timer: Task<Void, Never>] = [:]
        var generation: [ServiceStateMachine.Timer: Int] = [:]
    }

    /// Time between questions to a daemon that is up, and to one that is not.
    static let calm = Duration.seconds(2)
    static let eager = Duration.milliseconds(250)
    static let patienceMs = 3_000

    let configuration: WatchedConfiguration
    let folders: NodeFolders
    let log: Logger
    let clock: NodeClock
    nonisolated let drain: NodeDrain
    private(set) var wards: [Role: Ward] = [:]
    private(set) var deaths: DeathBook
    private var looks: [Task<Void, Never>] = []
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - stateDirectory: the supervisor's own, for the book of deaths.
    ///   - runDirectory: where the sockets are; the units' own when nil.
    init(
        configuration: WatchedConfiguration, stateDirectory: String, runDirectory: String? = nil,
        log: Logger, clock: NodeClock, loop: any EventLoop
    ) {
        self.configuration = configuration
        self.log = log
        self.clock = clock
        let node = configuration.inForce.node
        folders = NodeFolders(node)
        deaths = DeathBook(path: "\(stateDirectory)/deaths.json")
        func link(_ role: Role) -> PeerLink {
            let path = NodePaths.socket(
                runDirectory: runDirectory ?? node.runDirectory, callee: role, caller: .supervisor)
            return PeerLink(callee: role, path: path, loop: loop, log: log)
        }
        drain = NodeDrain(aggregator: link(.aggregator), clock: clock, log: log)
        for row in ServiceTable.rows {
            wards[row.role] = Ward(
                row: row, account: try? UserAccount.find(row.user), link: link(row.role),
                machine: ServiceStateMachine(.init(row)))
        }
    }

    /// Watches until `close`.
    func begin() {
        for row in ServiceTable.rows {
            deliver(row.role, .start)
            looks.append(
                Task {
                    while !Task.isCancelled { try? await Task.sleep(for: await self.look(row.role)) }
                })
        }
    }

    func close() {
        for look in looks { look.cancel() }
        drain.lapse()
        for ward in wards.values { for timer in ward.timers.values { timer.cancel() } }
        wake()
    }

    /// Whether every daemon has been up once, or will not come up by itself.
    var started: Bool {
        wards.values.allSatisfy { ![.down, .starting].contains($0.machine.state) || $0.machine.restarts > 0 }
    }

    /// Replaces one daemon by a fresh process and waits until it is up, or will not come up by itself.
    func restart(_ role: Role, _ why: String) async throws {
        guard let before = wards[role]?.machine.pid else {
            let unit = UnitName.service(role)
            throw WireError(
                .unavailable, "\(role.rawValue) does not run, so it cannot be asked to exit.",
                fix: "Start it: sudo systemctl start \(unit)")
        }
        if role == .aggregator { drain.lapse() }
        deliver(role, .restart(reason: why))
        await until { this in
            guard let machine = this.wards[role]?.machine else { return true }
            switch machine.state {
            case .ready, .degraded: return machine.pid != before
            case .failed, .backoff, .down: return true
            case .starting, .stopping: return false
            }
        }
        if let machine = wards[role]?.machine, [.failed, .backoff].contains(machine.state) {
            throw WireError(
                .unavailable, "\(role.rawValue) did not come up: \(machine.reason).", fix: machine.fix)
        }
    }

    // MARK: Looking

    /// Asks one daemon how it is.
    ///
    /// - Returns: how long to wait before the next question.
    private func look(_ role: Role) async -> Duration {
        guard let link = wards[role]?.link else { return Self.calm }
        // A line to a socket of a daemon that is down starts it: not while nothing may start.
        if wards[role]?.machine.pid == nil, configuration.problem != nil { return Self.eager }
        do {
            let process = try await link.call(ControlInterface.Process(), deadlineMs: Self.patienceMs)
            seen(role, process)
            let health = try await link.call(ControlInterface.Health(), deadlineMs: Self.patienceMs)
            heard(health, from: role, process.pid)
        } catch is CancellationError { return Self.calm } catch {
            silent(role, WireError.wrapping(error))
        }
        let state = wards[role]?.machine.state
        return state == .ready || state == .degraded ? Self.calm : Self.eager
    }

    func heard(_ health: ControlInterface.Health.Reply, from role: Role, _ pid: Int32) {
        wards[role]?.checks = health.checks
        deliver(role, .health(pid: pid, health.faults))
    }

    /// A process answered: the one that we know, or its successor.
    private func seen(_ role: Role, _ process: ControlInterface.Process.Reply) {
        let known = wards[role]?.machine.pid
        wards[role]?.process = process
        guard process.pid != known else { return deliver(role, .alive(pid: process.pid)) }
        if let known { gone(role, known) }
        // systemd started it without our asking, or after we had given up.
        if let state = wards[role]?.machine.state, [.backoff, .failed, .down].contains(state) {
            deliver(role, .restart(reason: "systemd started it"))
        }
        deliver(role, .spawned(pid: process.pid))
        deliver(role, .ready(pid: process.pid))
    }

    /// The process that we know has ended, and no other has answered yet.
    private func gone(_ role: Role, _ pid: Int32) {
        if wards[role]?.machine.isEndingAsAsked == false { wards[role]?.replaced += 1 }
        wards[role]?.checks = []
        deliver(role, .exited(pid: pid, .unknown))
    }

    /// Nobody answered in time, or somebody with an error.
    private func silent(_ role: Role, _ error: WireError) {
        guard let ward = wards[role] else { return }
        let nobody: Set<ErrorCode> = [.deadlineExceeded, .upstreamLost, .unavailable]
        if let pid = ward.machine.pid {
            // Any user may ask whether a process is there; only the answer "gone" is taken.
            if pid > 0, kill(pid, 0) != 0, errno == ESRCH { return gone(role, pid) }
            guard nobody.contains(error.code) else {
                return deliver(role, .health(pid: pid, [.init(reason: error.message, fix: error.fix)]))
            }
            if ward.machine.state == .stopping { askToExit(role, pid) }
            return deliver(role, .unanswered(pid: pid))
        }
        let unit = UnitName.service(role)
        let waited = clock.milliseconds - ward.waitingSince
        let refused = error.code == .unavailable && waited > 1_000
        guard refused || waited > ward.machine.settings.startMs else { return }
        deliver(
            role,
            .spawnFailed(
                .init(
                    reason: refused
                        ? "systemd has closed its socket: it did not start, or ended too often"
                        : "it does not answer: systemd has not started it",
                    fix: "See why: systemctl status \(unit); then: sudo infernetctl setup")))
    }

    // MARK: The machines

    func deliver(_ role: Role, _ event: ServiceStateMachine.Event) {
        guard var ward = wards[role] else { return }
        let before = ward.machine
        let actions = ward.machine.on(event, at: clock.milliseconds)
        wards[role] = ward
        for action in actions { perform(role, action) }
        let machine = ward.machine
        guard machine.state != before.state || machine.reason != before.reason else { return }
        if machine.state != before.state {
            let bad = [.failed, .backoff, .degraded].contains(machine.state)
            log.log(
                level: bad ? .warning : .info, "daemon changed state",
                metadata: [
                    "name": "\(role.rawValue)", "state": "\(machine.state.rawValue)",
                    "reason": "\(machine.reason)",
                ])
        }
        wake()
    }

    private func perform(_ role: Role, _ action: ServiceStateMachine.Action) {
        switch action {
        case .spawn: wards[role]?.waitingSince = clock.milliseconds
        case .signal(let pid, _): askToExit(role, pid)
        case .drain(let pid):
            guard let link = wards[role]?.link else { return }
            let patience = wards[role]?.machine.settings.drainMs ?? 0
            Task {
                _ = try? await link.call(ControlInterface.Drain(pid: pid), deadlineMs: Int(patience))
                self.deliver(role, .drained(pid: pid))
            }
        case .arm(let timer, let milliseconds): arm(role, timer, milliseconds)
        case .disarm(let timer):
            wards[role]?.generation[timer, default: 0] += 1
            wards[role]?.timers.removeValue(forKey: timer)?.cancel()
        case .record(let pid, let exit, let reason, let uptime):
            deaths.add(
                .init(
                    daemon: role, pid: pid, at: clock.unixMilliseconds, exit: exit, reason: reason,
                    uptimeMs: uptime, lastLines: []))
            log.warning(
                "daemon ended",
                metadata: ["name": "\(role.rawValue)", "child": "\(pid)", "reason": "\(reason)"])
        }
    }

    private func askToExit(_ role: Role, _ pid: Int32) {
        guard let link = wards[role]?.link else { return }
        Task { _ = try? await link.call(ControlInterface.Exit(pid: pid), deadlineMs: Self.patienceMs) }
    }

    private func arm(_ role: Role, _ timer: ServiceStateMachine.Timer, _ milliseconds: Int64) {
        let generation = (wards[role]?.generation[timer] ?? 0) + 1
        wards[role]?.generation[timer] = generation
        wards[role]?.timers[timer]?.cancel()
        wards[role]?.timers[timer] = Task {
            try? await Task.sleep(for: .milliseconds(milliseconds))
            guard !Task.isCancelled, self.wards[role]?.generation[timer] == generation else { return }
            self.deliver(role, .timer(timer))
        }
    }

    private func wake() {
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }

    private func until(_ condition: (isolated HouseWatch) -> Bool) async {
        while !condition(self) { await withCheckedContinuation { waiters.append($0) } }
    }
}
