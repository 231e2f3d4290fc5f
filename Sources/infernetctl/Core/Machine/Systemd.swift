// What systemd knows of the node's units, asked of systemctl and the journal where a person is.
// It must never be asked by a daemon: they know only what they are told.

import FoundationEssentials
import Glibc
import Interfaces
import Wire

/// The machine's systemd.
enum Systemd {
    static let target = "infernet.target"
    /// What a connection to any socket starts; it runs nothing.
    static let activation = "infernet-activation.service"

    /// Whether systemd runs this machine.
    static var isHere: Bool { access("/run/systemd/system", F_OK) == 0 }
    /// Whether the package's units are installed.
    static var hasNode: Bool { isHere && access("/lib/systemd/system/\(target)", F_OK) == 0 }

    /// The unit of a daemon.
    static func unit(_ role: Role) -> String {
        role == .supervisor ? "infernet-supervisor.service" : "infernet-\(role.interface).service"
    }

    /// A status as the supervisor gives it, with what only systemd knows.
    static func complete(_ status: SupervisorInterface.Status.Reply) -> SupervisorInterface.Status.Reply {
        let units = Role.daemons.map(unit)
        let wanted =
            "Id,ActiveState,SubState,Result,NRestarts,MainPID,ExecMainCode,ExecMainStatus,StateChangeTimestamp,StatusText"
        let shown = try? Tool.run(["systemctl", "show", "--timestamp=unix", "--property", wanted] + units)
        // The two entries that systemd itself writes when a main process ends, and when a unit fails.
        let ids = ["98e322203f7a4ed290d09fe03c09fe15", "d9b373ed55a64feb8242e02dbe79a49c"]
        let journal = try? Tool.run(
            ["journalctl", "--quiet", "--no-pager", "--output=json", "--lines=200"]
                + ids.map { "MESSAGE_ID=\($0)" } + units.map { "UNIT=\($0)" })
        return UnitReport(show: shown?.output ?? "", journal: journal?.output ?? "").complete(status)
    }
}
