// What the house under systemd tells of its daemons: their own words, and what was seen of them.
// It must never tell what only systemd knows: that is asked where a person is, by infernetctl.

import ConfigFile
import IPC
import Interfaces
import NodeSystem
import Policy
import Wire

extension HouseWatch: House {
    var members: [HouseMember] {
        wards.values.sorted { $0.row.startOrder < $1.row.startOrder }.map {
            HouseMember(role: $0.row.role, machine: $0.machine, restarts: $0.replaced, link: $0.link)
        }
    }

    func status() -> SupervisorInterface.Status.Reply {
        let health = health()
        let users = wards.values.compactMap { $0.process?.uid }
        return .init(
            version: Build.version, state: health.state, reason: health.reason, fix: health.fix,
            pid: ProcessIdentity.pid, mode: "systemd", singleUid: Set(users).count < users.count,
            isolation: Set(users).count < users.count
                ? "some daemons share a user" : "a user and a unit of its own for each daemon",
            uptimeMs: clock.milliseconds, stateDirectory: folders.state, runDirectory: folders.run,
            work: drain.work,
            daemons: wards.values.sorted { $0.row.startOrder < $1.row.startOrder }.map(describe))
    }

    func health() -> SupervisorInterface.Health.Reply {
        guard let problem = configuration.problem else {
            let words = drain.words
            return .init(of: members, started: started, trouble: words?.reason, fix: words?.fix)
        }
        guard members.contains(where: \.isUp) else {
            return .init(state: .failed, reason: problem.message, fix: problem.fix ?? configuration.fix)
        }
        return .init(
            of: members, started: true,
            trouble: "\(problem.message) What runs was started with the last right one.",
            fix: problem.fix ?? configuration.fix)
    }

    func metrics() async -> String { await MetricsText.gather(members, uptimeMs: clock.milliseconds) }

    func configurationText() throws -> String {
        if let problem = configuration.problem { throw problem }
        return try ConfigFile.text(configuration.inForce)
    }

    nonisolated func end(_ why: String) throws {
        throw WireError(
            .notPermitted, "systemd runs this node, and stops it.", fix: "sudo systemctl stop infernet.target"
        )
    }

    nonisolated func logs(
        _ request: SupervisorInterface.Logs, _ sink: EventSink<SupervisorInterface.Logs.Event>
    ) async throws {
        throw WireError(
            .unavailable, "The log lines of this node are in systemd's journal.",
            fix: "journalctl -u 'infernet-*'")
    }

    private func describe(_ ward: Ward) -> SupervisorInterface.DaemonStatus {
        let machine = ward.machine
        let now = clock.milliseconds
        let process = machine.pid == nil ? nil : ward.process
        let waits = machine.pid == nil && configuration.problem != nil
        return .init(
            daemon: ward.row.role, state: waits ? .down : machine.state,
            reason: waits ? "waits for a configuration that is right" : machine.reason, fix: machine.fix,
            since: clock.unixMilliseconds - (now - machine.since), pid: machine.pid, uid: process?.uid,
            user: process.map { $0.uid == ward.account?.uid ? ward.row.user : "uid \($0.uid)" },
            restarts: ward.replaced, lastDeath: deaths.last(of: ward.row.role),
            memoryKiB: process?.memoryKiB,
            watchdogAgeMs: machine.pid == nil ? nil : machine.lastSign.map { now - $0 }, checks: ward.checks,
            sandbox: machine.pid.flatMap { .observed(ward.row, pid: $0, uid: ward.account?.uid) })
    }
}

extension WatchedConfiguration {
    /// What to do about a file that is wrong.
    var fix: String { "Correct \(path), then: sudo infernetctl setup" }
}
