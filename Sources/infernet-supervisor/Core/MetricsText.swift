// Prometheus text of the whole node: each daemon's own, with its name added to every sample.
// It must never let one daemon's text spoil another's: what is not a sample is left out.

import Wire

/// Joins Prometheus texts (text format 0.0.4).
struct MetricsText: Sendable {
    private var order: [String] = []
    private var families: [String: [String]] = [:]
    private var headers: [String: [String]] = [:]

    /// Adds one sample of the supervisor's own.
    mutating func sample(_ name: String, type: String, help: String, labels: String = "", value: String) {
        declare(name, "# HELP \(name) \(help)")
        declare(name, "# TYPE \(name) \(type)")
        append(name, labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)")
    }

    /// Adds a daemon's text, with `daemon="…"` on each sample.
    mutating func add(_ text: String, of daemon: Role) {
        var family = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# ") {
                let words = line.split(separator: " ", maxSplits: 3)
                guard words.count >= 3, ["HELP", "TYPE"].contains(words[1]) else { continue }
                family = String(words[2])
                declare(family, String(line))
                continue
            }
            guard let end = line.firstIndex(where: { $0 == "{" || $0 == " " }), end > line.startIndex else {
                continue
            }
            let name = line[..<end]
            let label = "daemon=\"\(daemon.rawValue)\""
            let rest = line[line.index(after: end)...]
            let labelled: String
            if line[end] == "{" {
                guard rest.contains("}") else { continue }
                labelled = "\(name){\(label)\(rest.first == "}" ? "" : ",")\(rest)"
            } else {
                labelled = "\(name){\(label)} \(rest)"
            }
            append(name.hasPrefix(family) && !family.isEmpty ? family : String(name), labelled)
        }
    }

    /// The text: every family once, its samples together, as the format demands.
    var text: String {
        order.map { ((headers[$0] ?? []) + (families[$0] ?? [])).joined(separator: "\n") + "\n" }.joined()
    }

    private mutating func declare(_ family: String, _ line: String) {
        know(family)
        let kind = line.split(separator: " ").dropFirst().first ?? ""
        if !(headers[family] ?? []).contains(where: { $0.hasPrefix("# \(kind) ") }) {
            headers[family, default: []].append(line)
        }
    }

    private mutating func append(_ family: String, _ line: String) {
        know(family)
        families[family, default: []].append(line)
    }

    private mutating func know(_ family: String) {
        if headers[family] == nil, families[family] == nil { order.append(family) }
    }
}
