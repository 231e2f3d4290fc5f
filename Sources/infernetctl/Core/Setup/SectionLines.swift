// Sets keys of one section in a configuration's text; everything else, comments too, stays as it is. Pure.
// It must never rewrite a text whose form it does not know: then it says what to change.

import Wire

/// The lines of a section of infernet.yaml.
struct SectionLines: Sendable {
    private var lines: [String]
    private let section: String

    /// - Throws: `config_invalid` when the section is written in one line.
    init(_ section: String, in text: String, wanted: String) throws {
        self.section = section
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let head, !lines[head].dropFirst(section.utf8.count + 1).allSatisfy({ $0 == " " }) {
            throw WireError(
                .configInvalid, "The section '\(section)' is written in one line, which is left to you.",
                fix: "Set there: \(wanted).")
        }
    }

    private var head: Int? { lines.firstIndex { $0.hasPrefix(section + ":") } }

    private var body: Range<Int>? {
        guard let head else { return nil }
        let end = lines[(head + 1)...].firstIndex { $0.first.map { !$0.isWhitespace } ?? false }
        return (head + 1)..<(end ?? lines.endIndex)
    }

    private var indent: String {
        guard let body else { return "  " }
        return String((lines[body].first { $0.first == " " } ?? "  ").prefix { $0 == " " })
    }

    /// Whether a person set the key.
    func has(_ key: String) -> Bool { place(key) != nil }

    private func place(_ key: String) -> Int? {
        guard let body else { return nil }
        return lines[body].firstIndex { $0.hasPrefix("\(indent)\(key):") }
    }

    /// Sets a key to a value as YAML writes it.
    mutating func set(_ key: String, _ value: String) {
        let line = "\(key): \(value)"
        if let known = place(key) {
            lines[known] = indent + line
        } else if let head {
            lines.insert(indent + line, at: head + 1)
        } else {
            if lines.last == "" { lines.removeLast() }
            lines += [section + ":", "  " + line, ""]
        }
    }

    var text: String { lines.joined(separator: "\n") }
}
