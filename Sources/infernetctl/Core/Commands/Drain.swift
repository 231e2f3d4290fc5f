// `infernetctl drain`: empties the node, so that it can be restarted without anybody losing an answer.
// It must never restart or stop anything itself.

import ArgumentParser
import Interfaces
import Wire

struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes no new jobs and waits until those under way are done.",
        discussion: """
            Ctrl-C ends the waiting, not the draining. A restart of aggregator-d or of the node ends it, and --resume.
            Exit code: 0 when no job is left, 1 when some still run.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(
        help: ArgumentHelp(
            "How long jobs may take, as 30s or 5m; then they are cancelled.", valueName: "time"))
    var timeout: SpanArgument?
    @Flag(help: "Take jobs again.")
    var resume = false
    @Flag(inversion: .prefixedNo, help: "Wait until it is done.")
    var wait = true

    /// Unless somebody says otherwise, and what cancelling takes.
    private static let patienceMs: Int64 = 300_000
    private static let cancelMs: Int64 = 20_000

    func run() async throws {
        let patience = timeout?.milliseconds ?? Self.patienceMs
        var work = try await global.node.call(
            SupervisorInterface.Drain(patienceMs: patience, resume: resume), at: .supervisor)
        let end = ContinuousClock.now + .milliseconds(patience + Self.cancelMs)
        while wait, work.state == .draining, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(200))
            let status = try await global.node.call(SupervisorInterface.Status(), at: .supervisor)
            work = status.work ?? .init(state: .open, running: 0)
        }
        global.json ? global.output.json(work) : global.output.error(words(work))
        if !resume, work.state != .drained { throw ExitStatus.failed }
    }

    private func words(_ work: SupervisorInterface.Work) -> String {
        switch work.state {
        case .open: resume ? "The node takes jobs again." : "Somebody else let the node take jobs again."
        case .draining: "The node takes no new jobs; \(work.running) are still under way."
        case .drained:
            "The node is drained: no job is under way, and none is taken.\n"
                + "Next: infernetctl restart NAME, infernetctl stop, or infernetctl drain --resume"
        }
    }
}
