// The shell around the state machines: does what they ask, tells them what happened, and keeps their time.
// It must never decide: which state follows is the machines' business alone.

import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import NodeSystem
import Policy
import Wire

/// The parent of all daemons of a node.
actor Supervisor {
    /// What reaches the supervisor from other threads, in the order it happened there.
    enum Inbound: Sendable {
        case child(Role, SpawnThread.Event)
        case notified(NotifyListener.Received)
    }

    struct Service {
        let row: ServiceRow
        let link: PeerLink
        var machine: ServiceStateMachine
        var child: ChildProcess?
        var timers: [ServiceStateMachine.Timer: Task<Void, Never>] = [:]
        var generation: [ServiceStateMachine.Timer: Int] = [:]
        var care: Task<Void, Never>?
        var checks: [ControlInterface.Check] = []
    }

    let configuration: NodeConfiguration
    let folders: NodeFolders
    let isolation: Isolation
    let hub: LogHub
    let log: Logger
    let clock: NodeClock
    /// Ends the node; returns at once.
    let stop: StopSwitch
    let launcher: Launcher
    nonisolated let drain: NodeDrain
    private let spawner: SpawnThread
    private let notify: NotifyListener
    private let inbound: AsyncStream<Inbound>.Continuation
    private let stream: AsyncStream<Inbound>
    var sockets: NodeSockets
    private var kept = KeptConnections()
    var services: [Role: Service] = [:]
    var plan: StartPlan
    var deaths: DeathBook
    private(set) var started = false
    private(set) var shuttingDown = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var retry: Task<Void, Never>?

    init(
        configuration: NodeConfiguration, folders: NodeFolders, isolation: Isolation, launcher: Launcher,
        sockets: NodeSockets, hub: LogHub, log: Logger, clock: NodeClock, stop: StopSwitch,
        spawner: SpawnThread, loop: any EventLoop
    ) throws {
        self.configuration = configuration
        self.folders = folders
        self.isolation = isolation
        self.launcher = launcher
        self.sockets = sockets
        self.hub = hub
        self.log = log
        self.clock = clock
        self.stop = stop
        self.spawner = spawner
        deaths = DeathBook(path: "\(folders.own)/deaths.json")
        plan = StartPlan(ServiceTable.rows.map { ($0.role, $0.startOrder) }, patienceMs: 3_000)
        notify = try NotifyListener(path: folders.notifySocket)
        (stream, inbound) = AsyncStream.makeStream()
        func link(_ role: Role) -> PeerLink {
            let path = NodePaths.socket(runDirectory: folders.run, callee: role, caller: .supervisor)
            return PeerLink(callee: role, path: path, loop: loop, log: log)
        }
        drain = NodeDrain(aggregator: link(.aggregator), clock: clock, log: log)
        for row in ServiceTable.rows {
            services[row.role] = Service(
                row: row, link: link(row.role), machine: ServiceStateMachine(.init(row)))
        }
    }

    /// Starts the daemons and lives until all are down again.
    func run() async {
        let (notify, inbound) = (notify, inbound)
        spawner.watch(notify.descriptor) {
            // Bounded, so that a chatty daemon cannot keep exits from being seen.
            for _ in 0..<256 {
                guard let received = notify.receive() else { break }
                inbound.yield(.notified(received))
            }
            return true
        }
        for row in ServiceTable.rows { impede(row.role) }
        if sockets.hasFaults { keepBinding() }
        follow(plan.begin())
        for await event in stream {
            switch event {
            case .child(let role, let event): heard(role, event)
            case .notified(let message): heard(message)
            }
        }
    }

    // MARK: What people and signals ask

    /// Stops the daemons, the last started first, and ends `run`.
    func shutDown(_ why: String) async {
        guard !shuttingDown else { return }
        shuttingDown = true
        wake()
        retry?.cancel()
        drain.lapse()
        log.notice("stopping the node", metadata: ["reason": "\(why)"])
        let orders = Set(ServiceTable.rows.map(\.startOrder)).sorted(by: >)
        for order in orders {
            let roles = ServiceTable.rows.filter { $0.startOrder == order }.map(\.role)
            for role in roles { deliver(role, .stop) }
            await until {
                $0.services.allSatisfy { !roles.contains($0.key) || $0.value.machine.state == .down }
            }
        }
        inbound.finish()
    }

    /// Replaces one daemon by a fresh process and waits until it is up, or will not come up by itself.
    func restart(_ role: Role, _ why: String) async throws {
        guard let before = services[role]?.machine else {
            throw WireError(
                .notFound, "There is no daemon '\(role.rawValue)'.", fix: "See 'infernetctl status'.")
        }
        guard !shuttingDown else { throw WireError(.draining, "The node is stopping.") }
        if role == .aggregator { drain.lapse() }
        deliver(role, .restart(reason: why))
        await until { this in
            guard let machine = this.services[role]?.machine else { return true }
            let fresh = machine.pid != before.pid
            switch machine.state {
            case .ready, .degraded: return fresh
            case .failed, .backoff, .down: return true
            case .starting, .stopping: return this.shuttingDown
            }
        }
        if let machine = services[role]?.machine, [.failed, .backoff].contains(machine.state) {
            throw WireError(
                .unavailable, "\(role.rawValue) did not come up: \(machine.reason).", fix: machine.fix)
        }
    }

    /// Waits until every daemon has been started.
    func untilStarted() async { await until { $0.started || $0.shuttingDown } }

    private func until(_ condition: (isolated Supervisor) -> Bool) async {
        while !condition(self) { await withCheckedContinuation { waiters.append($0) } }
    }

    // MARK: What happens

    private func heard(_ role: Role, _ event: SpawnThread.Event) {
        switch event {
        case .started(let child):
            services[role]?.child = child
            deliver(role, .spawned(pid: child.pid))
        case .failed(let error):
            log.error("cannot start a daemon", metadata: ["name": "\(role.rawValue)", "error": "\(error)"])
            deliver(role, .spawnFailed(.init(reason: error.message, fix: error.fix)))
        case .ended(let child, let exit):
            services[role]?.child = nil
            services[role]?.care?.cancel()
            services[role]?.checks = []
            deliver(role, .exited(pid: child.pid, exit))
        }
    }

    private func heard(_ message: NotifyListener.Received) {
        let role = services.first { $0.value.machine.pid == message.pid }?.key
        guard let role, let row = services[role]?.row,
            message.uid == isolation.uid(of: role) ?? ProcessIdentity.effectiveUser
        else {
            for descriptor in message.descriptors { close(descriptor) }
            return
        }
        // Anything but a request to keep it is closed: no daemon may fill this process's table.
        let label = message.fields["FDSTORE"] == "1" ? message.fields["FDNAME"] : nil
        kept.take(message.descriptors, label: label, of: row)
        if message.fields["FDSTOREREMOVE"] == "1", let label = message.fields["FDNAME"] {
            kept.forget(label, of: role)
        }
        if let text = message.fields["STATUS"] { deliver(role, .status(pid: message.pid, text)) }
        if message.fields["READY"] == "1" { deliver(role, .ready(pid: message.pid)) }
        if message.fields["WATCHDOG"] == "1" { deliver(role, .alive(pid: message.pid)) }
    }

    func deliver(_ role: Role, _ event: ServiceStateMachine.Event) {
        guard var service = services[role] else { return }
        let (state, reason) = (service.machine.state, service.machine.reason)
        let actions = service.machine.on(event, at: clock.milliseconds)
        services[role] = service
        for action in actions { perform(role, action) }
        let machine = service.machine
        if machine.state != state || machine.reason != reason { changed(role, from: state, machine) }
    }

    private func changed(_ role: Role, from old: ServiceStateMachine.State, _ machine: ServiceStateMachine) {
        if machine.state != old {
            var facts: Logger.Metadata = ["name": "\(role.rawValue)", "state": "\(machine.state.rawValue)"]
            facts["reason"] = "\(machine.reason)"
            if let pid = machine.pid { facts["child"] = "\(pid)" }
            let bad = [.failed, .backoff, .degraded].contains(machine.state)
            log.log(level: bad ? .warning : .info, "daemon changed state", metadata: facts)
        }
        if machine.state == .down || machine.state == .failed { kept.drop(of: role) }
        let up = machine.state == .ready || machine.state == .degraded
        if up, old == .starting, let pid = machine.pid { care(for: role, pid) }
        if up || machine.state == .failed || machine.state == .backoff { follow(plan.settled(role)) }
        wake()
    }

    private func wake() {
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }

    private func follow(_ actions: [StartPlan.Action]) {
        for action in actions {
            switch action {
            case .start(let role): if !shuttingDown { deliver(role, .start) }
            case .arm(let step, let milliseconds):
                Task {
                    try? await Task.sleep(for: .milliseconds(milliseconds))
                    self.follow(self.plan.expired(step: step))
                }
            case .done:
                started = true
                wake()
                spawner.keepStandby("\(launcher.programs)/\(Standby.program)")
                log.notice("all daemons were started", metadata: ["ms": "\(clock.milliseconds)"])
            }
        }
    }

    // MARK: What the machines ask

    private func perform(_ role: Role, _ action: ServiceStateMachine.Action) {
        switch action {
        case .spawn: spawn(role)
        case .signal(let pid, let number):
            guard let child = services[role]?.child, child.pid == pid else { return }
            child.signal(number)
        case .drain(let pid):
            guard let link = services[role]?.link else { return }
            let patience = services[role]?.machine.settings.drainMs ?? 0
            Task {
                _ = try? await link.call(ControlInterface.Drain(pid: pid), deadlineMs: Int(patience))
                self.deliver(role, .drained(pid: pid))
            }
        case .arm(let timer, let milliseconds): arm(role, timer, milliseconds)
        case .disarm(let timer):
            services[role]?.generation[timer, default: 0] += 1
            services[role]?.timers.removeValue(forKey: timer)?.cancel()
        case .record(let pid, let exit, let reason, let uptime):
            let death = SupervisorInterface.Death(
                daemon: role, pid: pid, at: clock.unixMilliseconds, exit: exit, reason: reason,
                uptimeMs: uptime,
                lastLines: hub.lastLines(of: role))
            deaths.add(death)
            log.warning(
                "daemon ended",
                metadata: ["name": "\(role.rawValue)", "child": "\(pid)", "reason": "\(reason)"])
        }
    }

    private func arm(_ role: Role, _ timer: ServiceStateMachine.Timer, _ milliseconds: Int64) {
        let generation = (services[role]?.generation[timer] ?? 0) + 1
        services[role]?.generation[timer] = generation
        services[role]?.timers[timer]?.cancel()
        services[role]?.timers[timer] = Task {
            try? await Task.sleep(for: .milliseconds(milliseconds))
            guard !Task.isCancelled, self.services[role]?.generation[timer] == generation else { return }
            self.deliver(role, .timer(timer))
        }
    }

    private func spawn(_ role: Role) {
        guard let row = services[role]?.row else { return }
        do {
            let launch = try launcher.launch(row, sockets: sockets, kept: kept)
            let pipe = LogPipe(launch.log, of: role, into: hub)
            let inbound = inbound
            spawner.spawn(launch.request) { event in
                switch event {
                case .started, .failed: for descriptor in launch.temporary { close(descriptor) }
                case .ended: pipe.drain()
                }
                inbound.yield(.child(role, event))
            }
            spawner.watch(launch.log, pause: LogPipe.pause) { pipe.drain() }
        } catch {
            let fault =
                error as? SystemError ?? SystemError(.spawnFailed, "cannot start \(role.rawValue): \(error)")
            inbound.yield(.child(role, .failed(fault)))
        }
    }

    // MARK: Ports that were taken

    private func impede(_ role: Role) {
        guard let row = services[role]?.row else { return }
        deliver(role, .impeded(sockets.fault(of: row)))
    }

    /// Tries again until every port is ours; a daemon that lacked one is then replaced by one that has it.
    private func keepBinding() {
        for row in ServiceTable.rows {
            if let fault = sockets.fault(of: row) {
                log.warning(
                    "a socket is missing",
                    metadata: ["name": "\(row.role.rawValue)", "reason": "\(fault.reason)"])
            }
        }
        retry = Task {
            while self.sockets.hasFaults, !self.shuttingDown {
                try? await Task.sleep(for: .seconds(3))
                let bound = self.sockets.bindMissing()
                guard !bound.isEmpty, !self.shuttingDown else { continue }
                for row in ServiceTable.rows where !bound.allSatisfy({ !row.sockets.contains($0) }) {
                    self.impede(row.role)
                    self.deliver(row.role, .restart(reason: "its port is free now"))
                }
            }
        }
    }
}
