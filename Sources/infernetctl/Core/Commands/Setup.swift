// `infernetctl setup`: makes a node of this machine in numbered steps, as often as one likes.
// It must never do anything without having said it, nor anything at all with --dry-run.

import ArgumentParser
import Glibc
import Interfaces
import Wire

struct Setup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a node of this machine, or brings it in line with its configuration.",
        discussion: """
            Each step looks first and does only what is missing, so it may be run again at any time, and after every \
            change of the configuration.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(name: .shortAndLong, help: "Do it without asking.")
    var yes = false
    @Flag(help: "Only say what would be done.")
    var dryRun = false
    @Option(help: ArgumentHelp("Load this engine image.", valueName: "file"), completion: .file())
    var engine: String?

    private struct Document: Encodable { var steps: [SetupResult] }

    func run() async throws {
        guard dryRun || geteuid() == 0 else {
            throw WireError(.notPermitted, "Setting up a node takes root.", fix: "sudo infernetctl setup")
        }
        guard dryRun || yes || isatty(STDIN_FILENO) == 1 else {
            throw WireError(
                .invalidParams, "Nobody is here to be asked.", fix: "Say --yes, or look first with --dry-run."
            )
        }
        let (output, json) = (global.output, global.json)
        let steps = SetupPlan(engine: engine).steps
        var results: [SetupResult] = []
        for (index, step) in steps.enumerated() {
            let (result, ends) = await perform(step, index + 1)
            results.append(result)
            if !json { output.line(result.line(of: steps.count, output.style)) }
            if ends { break }
        }
        if json { output.json(Document(steps: results)) }
        if results.contains(where: { $0.outcome == .failed }) || results.count < steps.count {
            throw ExitStatus.failed
        }
        if results.contains(where: { $0.outcome == .blocked }) { throw ExitStatus.degraded }
    }

    private func perform(_ step: SetupStep, _ number: Int) async -> (SetupResult, ends: Bool) {
        func result(_ outcome: SetupResult.Outcome, _ what: String, _ fix: String? = nil) -> SetupResult {
            SetupResult(step: number, name: step.name, outcome: outcome, what: what, fix: fix)
        }
        do {
            switch try await Reading.offLoop(step.look) {
            case .fine(let what): return (result(.fine, what), false)
            case .blocked(let what, let fix, let ends): return (result(.blocked, what, fix), ends)
            case .needed(let what, let act):
                if dryRun { return (result(.would, what), false) }
                guard yes || agreed(step.name, what) else { return (result(.left, what), false) }
                return (result(.done, try await Reading.offLoop(act)), false)
            }
        } catch {
            let failure = Failure(error)?.error
            let words = [failure?.message ?? "\(error)", failure?.cause].compactMap { $0 }
            return (result(.failed, words.joined(separator: " "), failure?.fix), true)
        }
    }

    private func agreed(_ name: String, _ what: String) -> Bool {
        global.output.rawError("\(name): \(what)? [Y/n] ")
        let answer = readLine()?.lowercased()
        return answer.map { $0.isEmpty || $0.hasPrefix("y") } ?? false
    }
}
