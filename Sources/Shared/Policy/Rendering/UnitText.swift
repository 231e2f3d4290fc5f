// The text of a systemd unit, section by section. It must never decide what stands in one.

/// Lines of a unit file.
struct UnitText {
    private(set) var text: String

    init() {
        text = "# Rendered from Sources/Shared/Policy by `make units`; a test compares. Do not edit.\n"
    }

    mutating func section(_ name: String) { text += "\n[\(name)]\n" }

    mutating func set(_ name: String, _ value: String) { text += "\(name)=\(value)\n" }

    /// Each as a line of its own; an empty list sets nothing.
    mutating func set(_ name: String, each values: [String]) { for value in values { set(name, value) } }

    mutating func set(_ name: String, _ values: [String]) {
        if !values.isEmpty { set(name, values.joined(separator: " ")) }
    }

    mutating func comment(_ words: String) { text += "# \(words)\n" }
}
