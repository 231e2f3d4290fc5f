// Answers the supervisor's methods: what is, and what a person asks to be done.
// It must never show anything that a peer wrote, nor wait for a daemon longer than a person would.

import ConfigFile
import IPC
import Interfaces
import NodeSystem
import Policy
import Wire

/// The methods of `SupervisorInterface`.
struct SupervisorService: Sendable {
    let supervisor: Supervisor
    let configPath: String?
    /// Asks for the end of the node; returns at once.
    let shutDown: @Sendable (String) -> Void

    func routes(_ router: inout Router) {
        router.on(SupervisorInterface.Status.self) { _, _ in await supervisor.status() }
        router.on(SupervisorInterface.Privileges.self) { _, _ in .table }
        router.on(SupervisorInterface.Health.self) { _, _ in await supervisor.health() }
        router.on(SupervisorInterface.Metrics.self) { _, _ in .init(text: await supervisor.metrics()) }
        router.on(SupervisorInterface.Restart.self) { request, context in
            try await supervisor.restart(request.daemon, "asked for by \(context.caller.rawValue)")
            return Done()
        }
        router.on(SupervisorInterface.Shutdown.self) { _, context in
            shutDown("asked for by \(context.caller.rawValue)")
            return Done()
        }
        router.on(SupervisorInterface.ShowConfig.self) { _, _ in
            .init(text: try ConfigFile.text(supervisor.configuration), path: configPath)
        }
        router.stream(SupervisorInterface.Logs.self) { request, _, sink in
            try await logs(request, sink)
            return Done()
        }
    }

    private func logs(
        _ request: SupervisorInterface.Logs, _ sink: EventSink<SupervisorInterface.Logs.Event>
    ) async throws {
        let filter = LogFilter(daemon: request.daemon, job: request.job, since: request.since)
        let tail = min(max(0, request.tail), 10_000)
        let (history, live, follower) = await supervisor.hub.open(
            tail: tail, filter: filter, follow: request.follow)
        defer { if let follower { supervisor.hub.unfollow(follower) } }
        for line in history { try await sink.send(.init(line: String(decoding: line, as: UTF8.self))) }
        guard let live else { return }
        for await line in live where filter.matches(line) {
            try await sink.send(.init(line: String(decoding: line, as: UTF8.self)))
        }
        try Task.checkCancellation()
    }
}

extension Supervisor {
    /// The state of the node and of each daemon.
    func status() -> SupervisorInterface.Status.Reply {
        let daemons = services.values.sorted { $0.row.startOrder < $1.row.startOrder }.map(describe)
        let health = health()
        return .init(
            version: Build.version, state: health.state, reason: health.reason, fix: health.fix,
            pid: ProcessIdentity.pid,
            mode: "spawned", singleUid: isolation.isSingle, isolation: isolation.explanation,
            uptimeMs: clock.milliseconds, stateDirectory: folders.state, runDirectory: folders.run,
            daemons: daemons)
    }

    /// The node in one word: the worst of what a person would want to know first.
    func health() -> SupervisorInterface.Health.Reply {
        if shuttingDown { return .init(state: .stopping, reason: "the node is stopping") }
        let machines = services.values.sorted { $0.row.startOrder < $1.row.startOrder }.map {
            (name: $0.row.role.rawValue, machine: $0.machine)
        }
        let unwell = machines.filter { $0.machine.state != .ready }
        let words = unwell.map { "\($0.name) is \($0.machine.state.rawValue): \($0.machine.reason)" }
        let fix = unwell.lazy.compactMap(\.machine.fix).first
        if !started { return .init(state: .starting, reason: words.joined(separator: "; "), fix: fix) }
        if !machines.isEmpty, unwell.count == machines.count,
            unwell.allSatisfy({ $0.machine.state == .failed })
        {
            return .init(state: .failed, reason: words.joined(separator: "; "), fix: fix)
        }
        if !unwell.isEmpty { return .init(state: .degraded, reason: words.joined(separator: "; "), fix: fix) }
        if let trouble = hub.trouble { return .init(state: .degraded, reason: "the log: \(trouble)") }
        return .init(state: .ready, reason: "all daemons are ready")
    }

    private func describe(_ service: Service) -> SupervisorInterface.DaemonStatus {
        let machine = service.machine
        let now = clock.milliseconds
        let account = isolation.accounts[service.row.role]
        let memory = machine.pid.flatMap { try? ProcessMemory.of(pid: $0) }
        return .init(
            daemon: service.row.role, state: machine.state, reason: machine.reason, fix: machine.fix,
            since: clock.unixMilliseconds - (now - machine.since), pid: machine.pid,
            uid: machine.pid == nil ? nil : account?.identity.uid ?? ProcessIdentity.effectiveUser,
            user: account?.name, restarts: machine.restarts, lastDeath: deaths.last(of: service.row.role),
            memoryKiB: memory.map { Int($0.pssBytes / 1024) },
            watchdogAgeMs: machine.pid == nil ? nil : machine.lastSign.map { now - $0 },
            checks: service.checks, sandbox: launcher.sandboxes[service.row.role]?.report)
    }

    /// Everybody's metrics; those of a daemon that does not answer in time are missing, and `infernet_daemon_up` tells.
    func metrics() async -> String {
        var text = MetricsText()
        for service in services.values.sorted(by: { $0.row.startOrder < $1.row.startOrder }) {
            let label = "daemon=\"\(service.row.role.rawValue)\""
            let up = service.machine.state == .ready || service.machine.state == .degraded
            text.sample(
                "infernet_daemon_up", type: "gauge", help: "1 when the daemon serves.", labels: label,
                value: up ? "1" : "0")
            text.sample(
                "infernet_daemon_restarts_total", type: "counter", help: "Restarts nobody asked for.",
                labels: label,
                value: "\(service.machine.restarts)")
        }
        text.sample(
            "infernet_uptime_seconds", type: "gauge", help: "Since the supervisor started.",
            value: "\(clock.milliseconds / 1000)")
        let up = services.values.filter { $0.machine.state == .ready || $0.machine.state == .degraded }
        let answers = await withTaskGroup(of: (Role, String)?.self) { group in
            for service in up {
                let (role, link) = (service.row.role, service.link)
                group.addTask {
                    guard let reply = try? await link.call(ControlInterface.Metrics(), deadlineMs: 1_500)
                    else {
                        return nil
                    }
                    return (role, reply.text)
                }
            }
            var answers: [(Role, String)] = []
            for await answer in group { if let answer { answers.append(answer) } }
            return answers.sorted { $0.0.rawValue < $1.0.rawValue }
        }
        for (role, answer) in answers { text.add(answer, of: role) }
        return text.text
    }
}
