// `infernetctl doctor`: looks at everything by itself, asks a real question, and says how to mend what is broken.
// It must never end well when anything it looked at is not.

import ArgumentParser
import Wire

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Examines the node and says how to mend what is broken.",
        discussion: "Exit code: 0 when all is well, 3 when something is not, 4 when the node is not running.")

    private struct Document: Encodable {
        var healthy: Bool
        var checks: [DoctorCheck]
    }

    @OptionGroup var global: GlobalOptions
    @Flag(inversion: .prefixedNo, help: "Ask the model a real question.")
    var inference = true

    func run() async throws {
        let output = global.output
        let json = global.json
        var checks: [DoctorCheck] = []
        await Examination(node: global.node, inference: inference).run { check in
            checks.append(check)
            if !json { check.lines(output.style).forEach(output.line) }
        }
        let failed = checks.filter { $0.result == .failed }
        if json {
            output.json(Document(healthy: failed.isEmpty, checks: checks))
        } else {
            output.line("")
            output.line(
                failed.isEmpty
                    ? output.style.green("All is well.")
                    : output.style.red("\(failed.count) of \(checks.count) checks failed."))
        }
        guard failed.isEmpty else {
            throw failed.contains { $0.name == "supervisor" } ? ExitStatus.notRunning : ExitStatus.degraded
        }
    }
}
