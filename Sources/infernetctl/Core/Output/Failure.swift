// An error as a person or a program is told of it: what happened, why, what to do.
// It must never hide the cause, nor invent a fix.

import NodeSystem
import Wire

/// An error ready to be shown.
struct Failure: Equatable {
    var error: WireError
    var status: ExitStatus

    /// The form of an error with `--json`.
    private struct Document: Encodable {
        struct Body: Encodable {
            var code: String
            var message: String
            var cause: String?
            var fix: String?
        }
        var error: Body
    }

    /// - Returns: nil for errors of the command line itself, which ArgumentParser explains.
    init?(_ error: any Error) {
        switch error {
        case let error as NotRunning:
            self.error = error.wireError
            status = .notRunning
        case let error as WireError:
            self.error = error
            status = error.code == .cancelled ? .interrupted : .failed
        case is CancellationError:
            self.error = WireError(.cancelled, "Cancelled.")
            status = .interrupted
        case let error as SystemError:
            self.error = WireError(.internalError, error.message, fix: error.fix)
            status = .failed
        default: return nil
        }
    }

    /// The lines for people.
    func text(_ style: Style) -> String {
        var lines = [style.red("error: ") + TerminalText.clean(error.message)]
        if let cause = error.cause { lines.append(style.dim("  why: ") + TerminalText.clean(cause)) }
        if let fix = error.fix { lines.append(style.bold("  fix: ") + TerminalText.clean(fix)) }
        return lines.joined(separator: "\n")
    }

    /// The line for programs.
    func json() -> String {
        let body = Document.Body(
            code: error.code.rawValue, message: error.message, cause: error.cause, fix: error.fix)
        return Output.encode(Document(error: body))
    }

    /// Prints to stderr.
    func print(json: Bool) {
        let output = Output.standard
        output.error(json ? self.json() : text(output.errorStyle))
    }
}

/// There is nobody at the sockets.
struct NotRunning: Error {
    var path: String
    var reason: String

    var wireError: WireError {
        WireError(
            .unavailable, "infernet is not running (\(reason) at \(path)).",
            fix:
                "Start it with: make run, or infernet-supervisor --config FILE. If it runs elsewhere, name its run "
                + "directory with --run-dir or INFERNET_RUN_DIR.")
    }
}
