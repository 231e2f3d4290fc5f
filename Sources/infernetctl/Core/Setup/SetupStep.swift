// One step of `infernetctl setup`: what is, what is missing, and what would be done about it.
// It must never do anything while it only looks.

import Wire

/// A step, which may be looked at any number of times and is done at most once.
struct SetupStep: Sendable {
    /// What a look at the machine gave.
    enum Finding: Sendable {
        /// Nothing is to be done.
        case fine(String)
        /// This would be done.
        case needed(String, act: @Sendable () throws -> String)
        /// It cannot be done here; later steps may go on or not.
        case blocked(String, fix: String?, ends: Bool)
    }

    let name: String
    let look: @Sendable () throws -> Finding
}

/// How a step ended, for people and for programs.
struct SetupResult: Encodable, Hashable, Sendable {
    enum Outcome: String, Encodable, Sendable { case fine, done, would, blocked, failed, left }
    var step: Int
    var name: String
    var outcome: Outcome
    var what: String
    var fix: String?

    func line(of count: Int, _ style: Style) -> String {
        let mark =
            switch outcome {
            case .fine: style.green("✓")
            case .done: style.green("✓ done:")
            case .would: style.yellow("would:")
            case .left: style.dim("left:")
            case .blocked, .failed: style.red("✗")
            }
        let head = "\(step)/\(count) \(style.bold(name))  \(mark) \(TerminalText.clean(what))"
        return head + (fix.map { "\n      " + style.yellow("fix") + "  " + TerminalText.clean($0) } ?? "")
    }
}
