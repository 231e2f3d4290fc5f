// The status as lines for people. Pure.
// It must never show a state without its reason.

import Interfaces
import NodeModel
import Wire

/// Renders a status.
struct StatusView {
    private let report: StatusReport
    private let now: Int64

    /// - Parameter now: Unix milliseconds; nil reads the clock.
    init(_ report: StatusReport, now: Int64? = nil) {
        self.report = report
        self.now = now ?? Clock.milliseconds()
    }

    func lines(_ style: Style = .plain) -> [String] {
        let status = report.status
        var lines = [
            style.bold("infernet \(status.version)") + "  "
                + Self.paint(status.work?.state.rawValue ?? status.state.rawValue, status.state, style) + "  "
                + TerminalText.clean(status.reason)
        ]
        lines.append("")
        lines += table(style).lines(style)
        lines.append("")
        lines += facts(style)
        let fixes = self.fixes
        if !fixes.isEmpty {
            lines.append("")
            lines += fixes.map { style.yellow("fix") + "  \($0.daemon): \(TerminalText.clean($0.fix))" }
        }
        return lines
    }

    private func table(_ style: Style) -> Table {
        var table = Table([
            ("DAEMON", .left), ("STATE", .left), ("SINCE", .right), ("PID", .right), ("USER", .left),
            ("RESTARTS", .right), ("MEMORY", .right), ("SANDBOX", .left), ("REASON", .left),
        ])
        for daemon in report.status.daemons {
            let state = daemon.state
            table.add([
                .init(daemon.daemon.rawValue), .init(state.rawValue) { Self.paint($0, state, style) },
                .init(Units.duration(seconds: (now - daemon.since) / 1000)),
                .init(daemon.pid.map(String.init) ?? "-"),
                .init(daemon.user ?? daemon.uid.map { "uid \($0)" } ?? "-"), .init("\(daemon.restarts)"),
                .init(daemon.memoryKiB.map { "\($0 / 1024).\($0 % 1024 * 10 / 1024) MiB" } ?? "-"),
                sandbox(daemon, style), .init(daemon.reason),
            ])
        }
        return table
    }

    /// What confines it, in a word; what is missing stands below the table.
    private func sandbox(_ daemon: SupervisorInterface.DaemonStatus, _ style: Style) -> Table.Cell {
        guard let sandbox = daemon.sandbox else { return .init("-") }
        return sandbox.missing.isEmpty ? .init("whole", style.green) : .init("in part", style.yellow)
    }

    private func facts(_ style: Style) -> [String] {
        let status = report.status
        var facts: [(String, String)] = []
        if let identity = report.identity { facts.append(("node", identity.npub)) }
        let total = status.daemons.compactMap(\.memoryKiB).reduce(0, +)
        facts.append(
            (
                "house",
                "pid \(status.pid), up \(Units.duration(seconds: status.uptimeMs / 1000)), \(status.mode), "
                    + "\(status.isolation), \(total / 1024) MiB"
            ))
        if let inventory = report.inventory {
            let devices = inventory.devices.map { "\($0.kind): \($0.name), \($0.memoryMiB) MiB" }
            facts.append(("devices", devices.isEmpty ? "none" : devices.joined(separator: "; ")))
            if let reason = inventory.gpuReason { facts.append(("", "no GPU: \(reason)")) }
            let engines = inventory.engines.map { "\($0.model) \($0.state) (\($0.busy)/\($0.slots) busy)" }
            facts.append(
                (
                    "engines",
                    (engines.isEmpty ? "none warm" : engines.joined(separator: "; "))
                        + ", \(inventory.busy)/\(inventory.slots) slots busy, \(inventory.queued) queued"
                ))
            let used = Set(inventory.computing.map(\.kind))
            if inventory.devices.contains(where: { $0.kind != "cpu" }), used == ["cpu"] {
                facts.append(("", "engines compute on the CPU: no GPU is used"))
            }
        }
        if let content = report.content {
            facts.append(
                (
                    "content",
                    "\(content.entries.count) in store, \(Units.bytes(content.usedBytes)), \(Units.bytes(content.freeBytes)) free"
                ))
        }
        if let network = report.network {
            facts.append(("network", "\(network.address ?? "no address"), \(network.reason)"))
        }
        if let sessions = report.sessions {
            let listeners =
                sessions.listeners.isEmpty ? "nothing" : sessions.listeners.joined(separator: ", ")
            facts.append(("listens", "\(listeners); \(sessions.sessions.count) peers connected"))
        }
        let lacking = Set(status.daemons.flatMap { $0.sandbox?.missing ?? [] }).sorted()
        if !lacking.isEmpty { facts.append(("missing", lacking.joined(separator: "; "))) }
        facts.append(("state in", status.stateDirectory))
        return facts.map { name, text in
            let padding = String(repeating: " ", count: max(0, 8 - name.count))
            return style.dim(name + padding) + "  " + TerminalText.clean(text)
        }
    }

    private var fixes: [(daemon: String, fix: String)] {
        var fixes: [(daemon: String, fix: String)] = []
        func add(_ daemon: String, _ fix: String?) {
            guard let fix, !fixes.contains(where: { $0.fix == fix }) else { return }
            fixes.append((daemon, fix))
        }
        for daemon in report.status.daemons where daemon.state != .ready {
            add(daemon.daemon.rawValue, daemon.fix)
            for check in daemon.checks where !check.ok { add(daemon.daemon.rawValue, check.fix) }
        }
        if report.status.state != .ready { add("node", report.status.fix) }
        return fixes
    }

    static func paint(_ text: String, _ state: SupervisorInterface.State, _ style: Style) -> String {
        switch state {
        case .ready: style.green(text)
        case .starting, .degraded, .backoff, .stopping: style.yellow(text)
        case .down, .failed: style.red(text)
        }
    }
}
