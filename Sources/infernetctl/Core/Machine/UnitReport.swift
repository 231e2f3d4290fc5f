// The words of systemctl and the journal, read into a node's status. Pure.
// It must never call a daemon well that its supervisor does not.

import FoundationEssentials
import Interfaces
import NodeConfig
import NodeSystem
import Wire

/// What systemd knows of units, from its own output.
struct UnitReport {
    /// One unit as `systemctl show` prints it.
    struct Unit: Equatable {
        var fields: [String: String]
        subscript(name: String) -> String { fields[name] ?? "" }
    }

    /// How a unit's process last ended.
    struct End: Equatable {
        /// Unix milliseconds.
        var at: Int64
        /// `exited`, `killed` or `dumped`.
        var code: String
        /// The exit code, or the signal's number.
        var status: Int32
        /// systemd's word for the failure, as `watchdog`.
        var result: String?
    }

    let units: [String: Unit]
    let ends: [String: End]

    /// - Parameters:
    ///   - show: units as blocks of `Name=value` lines.
    ///   - journal: entries as JSON lines, oldest first.
    init(show: String, journal: String) {
        var units: [String: Unit] = [:]
        var block: [String: String] = [:]
        for line in (show + "\n\n").split(separator: "\n", omittingEmptySubsequences: false) {
            if let equals = line.firstIndex(of: "=") {
                block[String(line[..<equals])] = String(line[line.index(after: equals)...])
            } else if line.isEmpty, let id = block["Id"] {
                units[id] = Unit(fields: block)
                block = [:]
            }
        }
        var ends: [String: End] = [:]
        for line in journal.split(separator: "\n") {
            guard let entry = try? WireCoding.decoder.decode(ConfigTree.self, from: .init(line.utf8)),
                case .object(let fields) = entry, case .string(let unit)? = fields["UNIT"],
                case .string(let stamp)? = fields["__REALTIME_TIMESTAMP"], let at = Int64(stamp)
            else { continue }
            if case .string(let code)? = fields["EXIT_CODE"],
                case .string(let text)? = fields["EXIT_STATUS"], let status = Int32(text)
            {
                ends[unit] = End(at: at / 1000, code: code, status: status, result: nil)
            } else if case .string(let result)? = fields["UNIT_RESULT"] {
                ends[unit]?.result = result
            }
        }
        (self.units, self.ends) = (units, ends)
    }

    /// The status with what only systemd knows.
    func complete(_ status: SupervisorInterface.Status.Reply) -> SupervisorInterface.Status.Reply {
        var status = status
        status.daemons = status.daemons.map(complete)
        let failed = status.daemons.filter { $0.state == .failed }
        let wasUnwell = status.state == .degraded
        if !failed.isEmpty, status.state != .failed, status.state != .stopping {
            status.state = failed.count == status.daemons.count ? .failed : .degraded
            let words = failed.map { "\($0.daemon.rawValue) is failed: \($0.reason)" }
            let told = wasUnwell ? [status.reason] : []
            status.reason = (told + words.filter { !status.reason.contains($0) }).joined(separator: "; ")
            status.fix = failed.first?.fix ?? status.fix
        }
        return status
    }

    private func complete(_ daemon: SupervisorInterface.DaemonStatus) -> SupervisorInterface.DaemonStatus {
        var daemon = daemon
        let name = Systemd.unit(daemon.daemon)
        guard let unit = units[name] else { return daemon }
        if let restarts = Int(unit["NRestarts"]) { daemon.restarts = restarts }
        if let end = ends[name] {
            let known = daemon.lastDeath
            daemon.lastDeath = .init(
                daemon: daemon.daemon, pid: known?.pid ?? 0, at: end.at,
                exitCode: end.code == "exited" ? end.status : nil,
                signal: end.code == "exited" ? nil : ChildExit.signalled(end.status).signalName,
                reason: end.words,
                uptimeMs: known?.uptimeMs ?? 0, lastLines: known?.lastLines ?? [])
        }
        let since = Int64(unit["StateChangeTimestamp"].drop { $0 == "@" }).map { $0 * 1000 }
        let logs = "infernetctl logs --daemon \(daemon.daemon.rawValue)"
        switch unit["ActiveState"] {
        case "failed":
            (daemon.state, daemon.pid, daemon.memoryKiB) = (.failed, nil, nil)
            daemon.reason = failure(unit, ends[name]) + told(unit)
            daemon.fix =
                "Correct what '\(logs)' names, then: sudo infernetctl restart \(daemon.daemon.rawValue)"
            if let since { daemon.since = since }
        case "activating" where unit["SubState"] == "auto-restart" && daemon.state != .ready:
            daemon.state = .backoff
            daemon.reason = (ends[name]?.words ?? "systemd is about to start it again") + told(unit)
        case "inactive" where daemon.pid == nil && daemon.state != .down:
            daemon.state = .down
            daemon.reason = unit["Result"] == "success" ? "stopped" : "not started: \(unit["Result"])"
            daemon.fix = "sudo infernetctl setup"
        default: break
        }
        return daemon
    }

    /// Why its last process said that it ends.
    private func told(_ unit: Unit) -> String {
        let mark = SupervisorInterface.failureMark
        return unit["StatusText"].hasPrefix(mark) ? ": \(unit["StatusText"].dropFirst(mark.count))" : ""
    }

    private func failure(_ unit: Unit, _ end: End?) -> String {
        switch unit["Result"] {
        case "exit-code" where unit["ExecMainStatus"] == "78":
            return "exit code 78: found its configuration or its state to be wrong"
        case "exit-code" where unit["ExecMainStatus"] == "77":
            return "exit code 77: does not have exactly the powers of its row"
        default:
            // Everything else is started again, until that was too often.
            let last = end?.words ?? "systemd says '\(unit["Result"])'"
            return "ended too often, and systemd gave up; the last time: \(last)"
        }
    }
}

extension UnitReport.End {
    /// In words.
    var words: String {
        if result == "watchdog" { return "gave no sign of life, and was killed by systemd's watchdog" }
        if result == "oom-kill" { return "needed more memory than its row allows, and was killed" }
        if result == "timeout" { return "did not start or stop in time, and was killed" }
        let end = code == "exited" ? ChildExit.exited(status) : ChildExit.signalled(status)
        return code == "exited" ? "ended by itself with \(end)" : "killed by \(end)"
    }
}
