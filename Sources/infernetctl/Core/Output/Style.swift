// Colours and other emphasis, or none. Pure.
// It must never colour what goes into a file or a pipe.

/// Emphasis by ANSI sequences when `on`.
struct Style: Hashable, Sendable {
    var on: Bool
    static let plain = Style(on: false)

    func bold(_ text: String) -> String { wrap("1", text) }
    func dim(_ text: String) -> String { wrap("2", text) }
    func red(_ text: String) -> String { wrap("31", text) }
    func green(_ text: String) -> String { wrap("32", text) }
    func yellow(_ text: String) -> String { wrap("33", text) }
    func cyan(_ text: String) -> String { wrap("36", text) }

    private func wrap(_ code: String, _ text: String) -> String {
        on && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// Text from elsewhere on its way to a terminal.
enum TerminalText {
    /// Without control characters except line ends and tabs: an answer must not move the cursor or change the title.
    static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !isControl($0) }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0: true
        // Marks that turn the reading direction of what follows.
        case 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
