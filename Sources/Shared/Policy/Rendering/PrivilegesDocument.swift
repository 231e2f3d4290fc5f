// docs/PRIVILEGES.md: the two tables for people who review them. It must never say more than the tables do.

import Wire

/// Renders the document.
enum PrivilegesDocument {
    static var text: String {
        var text = """
            # What each process may do

            Rendered by `make units` from `Sources/Shared/Policy`; a test compares. Under systemd these rows are unit files, in
            spawned mode `infernet-supervisor` applies them itself. `infernetctl system privileges` shows what is in force in
            the processes that run.

            Every process runs as a user of its own, without any capability, with no-new-privileges, without core dumps, and
            writes nowhere but in its own state and runtime directory. None executes what it can write.


            """
        text += table(
            [
                "process", "its one power", "user (groups)", "network", "reads besides", "executes besides",
                "devices",
            ],
            NodeUnits.all.map { row in
                [
                    row.role.rawValue, row.summary,
                    row.user + (row.groups.isEmpty ? "" : " (\(row.groups.joined(separator: ", ")))"),
                    words(row.network), list(row.readable), list(row.executable),
                    list(row.devices.map(\.nodes)),
                ]
            })
        text += "\n## Limits\n\n"
        text += table(
            [
                "process", "files", "threads", "memory", "kept", "watchdog", "start", "stop", "restarts",
                "started", "exposure",
            ],
            NodeUnits.all.map { row in
                [
                    row.role.rawValue, "\(row.maximumFiles)", "\(row.maximumTasks)", "\(row.memoryMiB) MiB",
                    "\(row.keptConnections)", "\(row.watchdogMs) ms", "\(row.startTimeoutMs) ms",
                    "\(row.stopTimeoutMs) ms",
                    "\(row.restartsPerMinute) a minute", "\(row.startOrder + 1).",
                    "≤ \(row.exposureTenths / 10).\(row.exposureTenths % 10)",
                ]
            })
        text +=
            "\n*Kept* are connections that outlive a restart, at most. *Exposure* is what `systemd-analyze security` may find at most. It counts directives, not their effect.\n"
        text += "\n## Sockets\n\n"
        text += table(
            ["process", "label", "what", "who"],
            NodeUnits.all.flatMap { row in
                Grants.callers(of: row.role).map { caller in
                    [row.role.rawValue, ServiceTable.label(for: caller), "Unix stream", owner(caller)]
                }
                    + row.sockets.map { socket in
                        [
                            row.role.rawValue, socket.rawValue, "\(socket.kind.rawValue), \(socket.summary)",
                            socket.kind == .unix ? owner(.ctl) : "anybody who can reach it",
                        ]
                    }
            })
        text += "\n## System calls\n\n"
        for profile in SystemCallProfile.allCases {
            text += "`\(profile.rawValue)`: \(list(profile.allowed)) without \(list(profile.denied)).\n"
        }
        text +=
            "\n## Who may call what\n\nWhat is not here is refused, and where no row is, no socket is.\n\n"
        text += table(
            ["caller", "at", "methods"],
            Grants.all.map { [$0.caller.rawValue, $0.callee.rawValue, list($0.methods.sorted())] })
        text += """

            ## Tried and refused

            A probe in the place of each daemon's program tries all that its row forbids, in spawned mode and inside the units on a
            booted systemd; without the walls every attempt succeeds. What came of it:
            [DENIALS.md](DENIALS.md), [DENIALS-UNITS.md](DENIALS-UNITS.md).

            """
        return text
    }

    private static func words(_ network: NetworkPower) -> String {
        switch network {
        case .none: "none"
        case .handedSockets: "the sockets it was handed"
        case .own: "TCP and UDP"
        }
    }

    private static func owner(_ caller: Role) -> String {
        let row = caller == .supervisor ? ServiceTable.watcher : ServiceTable.row(caller)
        guard let row else { return "root and group \(ServiceTable.operatorGroup)" }
        return row.user + (caller == .supervisor ? " (root in spawned mode)" : "")
    }

    private static func list(_ words: [String]) -> String {
        words.isEmpty ? "–" : words.map { "`\($0)`" }.joined(separator: ", ")
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        return line(head) + line(head.map { _ in "---" }) + rows.map(line).joined()
    }
}
