// How rows, exits and errors of other modules look to this one. It must never hold a fact of its own.

import DaemonKit
import Interfaces
import NodeSystem
import Policy
import Wire

extension ServiceStateMachine.Settings {
    /// What a row of the service table says, and which exits are for good.
    init(_ row: ServiceRow) {
        self.init()
        startMs = Int64(row.startTimeoutMs)
        watchdogMs = Int64(row.watchdogMs)
        graceMs = min(3_000, Int64(row.stopTimeoutMs) / 2)
        drainMs = Int64(row.stopTimeoutMs) - graceMs
        for code in ExitCode.allCases where code.isPermanent {
            permanentExits[code.rawValue] = .init(
                reason: code.words,
                fix: "Correct what 'infernetctl logs --daemon \(row.role.rawValue)' names, then: "
                    + "infernetctl restart \(row.role.rawValue)")
        }
    }
}

extension SupervisorInterface.Death {
    init(
        daemon: Role, pid: Int32, at: Int64, exit: ChildExit, reason: String, uptimeMs: Int64,
        lastLines: [String]
    ) {
        var code: Int32?
        if case .exited(let number) = exit { code = number }
        self.init(
            daemon: daemon, pid: pid, at: at, exitCode: code, signal: exit.signalName, reason: reason,
            uptimeMs: uptimeMs, lastLines: lastLines)
    }
}
