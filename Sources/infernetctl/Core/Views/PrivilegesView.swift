// What each process is given and has, as lines for people. Pure.
// It must never call a protection present that the kernel does not show.

import Interfaces
import Wire

/// Renders a report on privileges.
struct PrivilegesView {
    private let report: PrivilegesReport

    init(_ report: PrivilegesReport) { self.report = report }

    func lines(_ style: Style = .plain) -> [String] {
        var given = Table([
            ("GIVEN", .left), ("USER", .left), ("SOCKETS", .left), ("FILES", .right), ("THREADS", .right),
            ("MEMORY", .right), ("POWER", .left),
        ])
        for row in report.table.rows {
            let families = row.families.map { String($0.dropFirst(3)).lowercased() }.joined(separator: " ")
            let groups = row.groups.isEmpty ? "" : "+" + row.groups.joined(separator: "+")
            given.add(
                row.daemon.rawValue, row.user + groups, families, "\(row.maximumFiles)",
                "\(row.maximumTasks)", "\(row.memoryMiB) MiB", row.summary)
        }
        var force = Table([
            ("IN FORCE", .left), ("PID", .right), ("UID", .right), ("CAPABILITIES", .left), ("NNP", .left),
            ("SECCOMP", .left), ("OPEN", .right), ("FILES", .right), ("THREADS", .right), ("MEMORY", .right),
            ("CORE", .left),
        ])
        for process in report.inForce {
            func judged(_ text: String, _ good: Bool) -> Table.Cell {
                .init(text) { good ? style.green($0) : style.red($0) }
            }
            let bare = process.effectiveCapabilities == "0" && process.boundingCapabilities == "0"
            force.add([
                .init(process.daemon.rawValue), .init("\(process.pid)"), .init("\(process.uid)"),
                judged(
                    bare ? "none" : "0x" + process.effectiveCapabilities, process.effectiveCapabilities == "0"
                ),
                judged(process.noNewPrivileges ? "yes" : "no", process.noNewPrivileges),
                judged(process.seccomp == 2 ? "filter" : "none", process.seccomp == 2),
                .init(process.openDescriptors.map(String.init) ?? "-"), .init(limit(process.maximumFiles)),
                .init(limit(process.maximumTasks)),
                .init(process.dataBytes.map { "\($0 >> 20) MiB" } ?? "-"),
                judged(process.coreBytes == 0 ? "none" : "allowed", process.coreBytes == 0),
            ])
        }
        var lines = given.lines(style) + [""] + force.lines(style)
        let missing = report.inForce.flatMap(\.missing)
        if !missing.isEmpty {
            lines.append("")
            for (index, words) in Set(missing).sorted().enumerated() {
                lines.append(
                    style.yellow(index == 0 ? "missing" : "       ") + "  " + TerminalText.clean(words))
            }
        }
        return lines
    }

    private func limit(_ value: UInt64?) -> String { value.map(String.init) ?? "-" }
}
