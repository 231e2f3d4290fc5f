// One thing that the doctor looked at. Pure.
// It must never pass a check that could not be made.

import Interfaces
import Wire

/// A check with its result.
struct DoctorCheck: Encodable, Hashable, Sendable {
    enum Result: String, Encodable, Sendable { case ok, failed, skipped, warned }
    var name: String
    var result: Result
    var reason: String
    var fix: String?

    static func ok(_ name: String, _ reason: String) -> DoctorCheck {
        DoctorCheck(name: name, result: .ok, reason: reason)
    }
    static func failed(_ name: String, _ reason: String, fix: String?) -> DoctorCheck {
        DoctorCheck(name: name, result: .failed, reason: reason, fix: fix)
    }
    /// It works, and could work better.
    static func warned(_ name: String, _ reason: String, fix: String?) -> DoctorCheck {
        DoctorCheck(name: name, result: .warned, reason: reason, fix: fix)
    }
    static func skipped(_ name: String, _ reason: String) -> DoctorCheck {
        DoctorCheck(name: name, result: .skipped, reason: reason)
    }
    static func failed(_ name: String, _ error: any Error) -> DoctorCheck {
        guard let failure = Failure(error) else { return .failed(name, "\(error)", fix: nil) }
        let told = failure.error.cause.map { "\(failure.error.message) (\($0))" } ?? failure.error.message
        return .failed(name, told, fix: failure.error.fix)
    }

    init(name: String, result: Result, reason: String, fix: String? = nil) {
        self.name = name
        self.result = result
        self.reason = reason
        self.fix = fix
    }

    /// A daemon's own check.
    init(_ daemon: String, _ check: ControlInterface.Check) {
        self.init(
            name: "\(daemon): \(check.name)", result: check.ok ? .ok : .failed, reason: check.reason,
            fix: check.ok ? nil : check.fix)
    }

    func lines(_ style: Style) -> [String] {
        let mark =
            switch result {
            case .ok: style.green("✓")
            case .failed: style.red("✗")
            case .skipped: style.dim("·")
            case .warned: style.yellow("!")
            }
        var lines = ["\(mark) \(TerminalText.clean(name))  \(style.dim(TerminalText.clean(reason)))"]
        if let fix, result == .failed || result == .warned {
            lines.append("    " + style.yellow("fix") + "  " + TerminalText.clean(fix))
        }
        return lines
    }
}
