// What the supervisor that starts the daemons itself tells of them.
// It must never wait for a daemon longer than a person would.

import ConfigFile
import IPC
import Interfaces
import NodeSystem
import Policy
import Wire

extension Supervisor: House {
    var members: [HouseMember] {
        services.values.sorted { $0.row.startOrder < $1.row.startOrder }.map {
            HouseMember(
                role: $0.row.role, machine: $0.machine, restarts: $0.machine.restarts, link: $0.link)
        }
    }

    func status() -> SupervisorInterface.Status.Reply {
        let daemons = services.values.sorted { $0.row.startOrder < $1.row.startOrder }.map(describe)
        let health = health()
        return .init(
            version: Build.version, state: health.state, reason: health.reason, fix: health.fix,
            pid: ProcessIdentity.pid,
            mode: "spawned", singleUid: isolation.isSingle, isolation: isolation.explanation,
            uptimeMs: clock.milliseconds, stateDirectory: folders.state, runDirectory: folders.run,
            work: drain.work, daemons: daemons)
    }

    func health() -> SupervisorInterface.Health.Reply {
        if shuttingDown { return .init(state: .stopping, reason: "the node is stopping") }
        let words = drain.words
        let troubles = [hub.trouble.map { "the log: \($0)" }, words?.reason].compactMap { $0 }
        return .init(
            of: members, started: started,
            trouble: troubles.isEmpty ? nil : troubles.joined(separator: "; "), fix: words?.fix)
    }

    func metrics() async -> String { await MetricsText.gather(members, uptimeMs: clock.milliseconds) }

    func configurationText() throws -> String { try ConfigFile.text(configuration) }

    nonisolated func end(_ why: String) { stop.flip(why) }

    nonisolated func logs(
        _ request: SupervisorInterface.Logs, _ sink: EventSink<SupervisorInterface.Logs.Event>
    ) async throws {
        let filter = LogFilter(daemon: request.daemon, job: request.job, since: request.since)
        let tail = min(max(0, request.tail), 10_000)
        let (history, live, follower) = await hub.open(tail: tail, filter: filter, follow: request.follow)
        defer { if let follower { hub.unfollow(follower) } }
        for line in history { try await sink.send(.init(line: String(decoding: line, as: UTF8.self))) }
        guard let live else { return }
        for await line in live where filter.matches(line) {
            try await sink.send(.init(line: String(decoding: line, as: UTF8.self)))
        }
        try Task.checkCancellation()
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
}
