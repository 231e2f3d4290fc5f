// A daemon's manual page, rendered from its row: what it may do, where its things lie, how it ends.
// It must never tell of a setting: those are the configuration's, and `infernetctl config show` has them all.

import Wire

/// Renders `docs/man/*.8`.
struct ManualPage {
    let row: ServiceRow

    var text: String {
        let name = row.role.rawValue
        var page =
            ".\\\" Rendered from Sources/Shared/Policy by `make units`; a test compares. Do not edit.\n"
        page += ".TH \"\(name.uppercased())\" \"8\" \"\" \"Infernet\" \"Infernet\"\n.nh\n"
        page += section("NAME") + "\(escaped(name)) \\- \(escaped(row.summary))\n"
        page += section("SYNOPSIS") + "\\fB\(escaped(PackageLayout.program(of: row.role)))\\fR\n"
        page += section("DESCRIPTION")
        page += paragraph(
            "One of the daemons of an Infernet node. It takes no arguments: systemd (\(UnitName.service(row.role))) or "
                + "infernet-supervisor starts it and hands it its sockets and its part of the configuration.")
        page += paragraph(powers)
        page += section("SOCKETS")
        for caller in Grants.callers(of: row.role) {
            let path = ServiceTable.socketPath(
                runDirectory: PackageLayout.run, callee: row.role, caller: caller)
            page += item(path, "Requests of \(caller.rawValue).")
        }
        for socket in row.sockets {
            page += item(socket.unitAddress, "\(socket.kind.rawValue): \(socket.summary).")
        }
        page += section("FILES")
        page += item(PackageLayout.state(of: row.role), "What lasts.")
        page += item(PackageLayout.runtime(of: row.role), "What goes with the boot.")
        for name in row.credentials {
            page += item("\(PackageLayout.sealed)/\(name)", "Sealed to this machine.")
        }
        page += section("EXIT STATUS")
        page += item("0", "It was asked to stop.")
        page += item("77", "It does not have exactly the powers of its row. It is not started again.")
        page += item("78", "Its configuration or its state is wrong. It is not started again.")
        page += item(
            "other", "It failed. Its parent starts it again, \(row.restartsPerMinute) times a minute at most."
        )
        page += section("SIGNALS")
        page += item(
            "SIGTERM",
            "Finish what is under way, then end: within \(row.stopTimeoutMs / 1000) s, or it is killed.")
        page += section("SEE ALSO") + "\\fBinfernetctl\\fR(1), \\fBinfernet\\-supervisor\\fR(8), "
        page += "/usr/share/doc/infernet/PRIVILEGES.md\n"
        return page
    }

    private var powers: String {
        let network =
            switch row.network {
            case .none: "It has no network."
            case .handedSockets: "It speaks on the sockets that it was handed and can make none."
            case .own: "It may make TCP and UDP sockets."
            }
        let groups = row.groups.isEmpty ? "" : " and group \(row.groups.joined(separator: ", "))"
        return
            "It runs as user \(row.user)\(groups), without any capability. \(network) It writes nowhere but in its own "
            + "directories, may have \(row.maximumFiles) files and \(row.maximumTasks) threads, and is ended when it needs "
            + "more than \(row.memoryMiB) MiB of memory or gives no sign of life for \(row.watchdogMs / 1000) s."
    }

    private func section(_ name: String) -> String { ".SH \(name)\n" }
    private func paragraph(_ words: String) -> String { ".PP\n\(escaped(words))\n" }
    private func item(_ name: String, _ words: String) -> String {
        ".TP\n\\fB\(escaped(name))\\fR\n\(escaped(words))\n"
    }
    private func escaped(_ words: String) -> String {
        words.split(separator: "-", omittingEmptySubsequences: false).joined(separator: "\\-")
    }
}
