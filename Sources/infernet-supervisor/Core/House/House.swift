// What answers for the daemons of a node, whoever starts them: the supervisor itself, or systemd.
// It must never show one node in two ways: the words for people are made here.

import IPC
import Interfaces
import Policy
import Wire

/// Whoever knows the daemons and can have them replaced.
protocol House: Actor {
    /// All of them, in the order of their start.
    var members: [HouseMember] { get }
    /// Takes what a daemon's process said of itself.
    func heard(_ reply: ControlInterface.Health.Reply, from role: Role, _ pid: Int32)
    /// The state of the node and of each daemon.
    func status() -> SupervisorInterface.Status.Reply
    /// The node in one word.
    func health() -> SupervisorInterface.Health.Reply
    /// Everybody's metrics as Prometheus text.
    func metrics() async -> String
    /// The door to the node's work.
    nonisolated var drain: NodeDrain { get }
    /// Replaces one daemon by a fresh process and waits until it is up, or will not come up by itself.
    func restart(_ role: Role, _ why: String) async throws
    /// Asks for the end of the node.
    nonisolated func end(_ why: String) throws
    /// The configuration that is shown to people, as YAML.
    func configurationText() throws -> String
    /// Log lines, old ones first.
    nonisolated func logs(
        _ request: SupervisorInterface.Logs, _ sink: EventSink<SupervisorInterface.Logs.Event>
    ) async throws
}

extension House {
    /// Asks those that were unwell once more, briefly: what was mended a moment ago is not shown as broken.
    ///
    /// Silence says nothing here, nor does another process than the one that is known: whether a daemon hangs, or has a
    /// successor, is found out by those who wait longer.
    func lookAgain() async {
        await withTaskGroup(of: Void.self) { group in
            for member in members where member.machine.state == .degraded {
                guard let pid = member.machine.pid else { continue }
                group.addTask {
                    let deadlineMs = 250
                    guard
                        let process = try? await member.link.call(
                            ControlInterface.Process(), deadlineMs: deadlineMs), process.pid == pid,
                        let health = try? await member.link.call(
                            ControlInterface.Health(), deadlineMs: deadlineMs)
                    else { return }
                    await self.heard(health, from: member.role, pid)
                }
            }
        }
    }
}

/// A daemon as its house sees it.
struct HouseMember: Sendable {
    var role: Role
    var machine: ServiceStateMachine
    var restarts: Int
    var link: PeerLink

    var isUp: Bool { machine.state == .ready || machine.state == .degraded }
}

extension ControlInterface.Health.Reply {
    /// What is wrong, by its own word.
    var faults: [ServiceStateMachine.Fault] {
        checks.filter { !$0.ok }.map { .init(reason: "\($0.name): \($0.reason)", fix: $0.fix) }
    }
}

extension SupervisorInterface.Health.Reply {
    /// The node in one word: the worst of what a person would want to know first. `trouble` is what is wrong with the
    /// house itself.
    init(of members: [HouseMember], started: Bool, trouble: String?, fix: String? = nil) {
        let unwell = members.filter { $0.machine.state != .ready }
        let words = unwell.map { "\($0.role.rawValue) is \($0.machine.state.rawValue): \($0.machine.reason)" }
        let all = ([trouble].compactMap { $0 } + words).joined(separator: "; ")
        let fix = fix ?? unwell.lazy.compactMap(\.machine.fix).first
        if !started {
            self.init(state: .starting, reason: all, fix: fix)
        } else if !members.isEmpty, members.allSatisfy({ $0.machine.state == .failed }) {
            self.init(state: .failed, reason: all, fix: fix)
        } else if !unwell.isEmpty || trouble != nil {
            self.init(state: .degraded, reason: all, fix: fix)
        } else {
            self.init(state: .ready, reason: "all daemons are ready")
        }
    }
}

extension MetricsText {
    /// Everybody's metrics; those of a daemon that does not answer in time are missing, and `infernet_daemon_up` tells.
    static func gather(_ members: [HouseMember], uptimeMs: Int64) async -> String {
        var text = MetricsText()
        for member in members {
            let label = "daemon=\"\(member.role.rawValue)\""
            text.sample(
                "infernet_daemon_up", type: "gauge", help: "1 when the daemon serves.", labels: label,
                value: member.isUp ? "1" : "0")
            text.sample(
                "infernet_daemon_restarts_total", type: "counter", help: "Restarts nobody asked for.",
                labels: label, value: "\(member.restarts)")
        }
        text.sample(
            "infernet_uptime_seconds", type: "gauge", help: "Since the supervisor started.",
            value: "\(uptimeMs / 1000)")
        let answers = await withTaskGroup(of: (Role, String)?.self) { group in
            for member in members where member.isUp {
                group.addTask {
                    let request = ControlInterface.Metrics()
                    guard let reply = try? await member.link.call(request, deadlineMs: 1_500) else {
                        return nil
                    }
                    return (member.role, reply.text)
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
