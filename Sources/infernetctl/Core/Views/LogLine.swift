// One JSON log line as one line for people. Pure.
// It must never lose a line that it does not understand.

import FoundationEssentials
import NodeConfig
import Wire

/// Renders log lines.
enum LogLine {
    private static let heads: Set<String> = ["ts", "level", "daemon", "msg"]

    /// "12:00:01.234  WARN  exec-d  message  key=value …"; anything else but JSON objects as it stands.
    static func pretty(_ line: String, _ style: Style) -> String {
        guard let tree = try? WireCoding.decoder.decode(ConfigTree.self, from: .init(line.utf8)),
            case .object(let fields) = tree, case .string(let message)? = fields["msg"]
        else { return TerminalText.clean(line) }
        let level = text(fields["level"]) ?? ""
        let daemon = text(fields["daemon"]) ?? ""
        var parts = [
            style.dim(time(text(fields["ts"]) ?? "")), paint(level, style),
            style.cyan(padded(daemon, 12)), TerminalText.clean(message).replacing("\n", with: " "),
        ]
        for key in fields.keys.sorted() where !heads.contains(key) {
            guard let value = text(fields[key]) else { continue }
            parts.append(style.dim(key + "=") + quoted(TerminalText.clean(value)))
        }
        return parts.joined(separator: "  ")
    }

    /// The time of day of an RFC 3339 time.
    private static func time(_ stamp: String) -> String {
        guard let t = stamp.firstIndex(of: "T") else { return padded(stamp, 12) }
        return padded(String(stamp[stamp.index(after: t)...].prefix { $0 != "Z" && $0 != "+" }), 12)
    }

    private static func paint(_ level: String, _ style: Style) -> String {
        switch level {
        case "critical", "error": style.red(padded("ERROR", 5))
        case "warning": style.yellow(padded("WARN", 5))
        case "notice", "info": style.green(padded(level == "info" ? "INFO" : "NOTE", 5))
        default: style.dim(padded(level.uppercased(), 5))
        }
    }

    private static func quoted(_ value: String) -> String {
        let plain = !value.isEmpty && !value.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" }
        return plain ? value : Output.encode(value)
    }

    private static func text(_ tree: ConfigTree?) -> String? {
        switch tree {
        case .string(let text): text
        case .int(let number): String(number)
        case .double(let number): String(number)
        case .bool(let flag): String(flag)
        case .array, .object: tree.map { Output.encode($0) }
        case .null, nil: nil
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
