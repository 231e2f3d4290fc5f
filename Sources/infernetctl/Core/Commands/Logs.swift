// `infernetctl logs`: what the daemons say, as it comes.
// It must never change a line that is asked for raw.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows the daemons' log lines.")

    @OptionGroup var global: GlobalOptions
    @Flag(name: .shortAndLong, help: "Go on with new lines until Ctrl-C.")
    var follow = false
    @Option(help: ArgumentHelp("Only lines of this job.", valueName: "id"))
    var job: JobArgument?
    @Option(help: "Only lines of this daemon.")
    var daemon: DaemonArgument?
    @Option(help: "Only lines of the last 30s, 5m, 2h or 1d.")
    var since: SpanArgument?
    @Option(name: [.customShort("n"), .long], help: "How many old lines at most.")
    var tail = 200
    @Flag(help: "Print the JSON lines as they are.")
    var raw = false

    func validate() throws {
        if !(0...100_000).contains(tail) { throw ValidationError("--tail must be between 0 and 100000.") }
    }

    func run() async throws {
        let output = global.output
        let asIs = raw || global.json
        if await global.node.isSystemd { return try await Reading.offLoop { try journal(output, asIs) } }
        let request = SupervisorInterface.Logs(
            job: job?.id.text, daemon: daemon?.role,
            since: since.map { Clock.milliseconds() - $0.milliseconds },
            tail: tail, follow: follow)
        _ = try await global.node.stream(request, at: .supervisor) { event in
            output.line(asIs ? event.line : LogLine.pretty(event.line, output.style))
        }
    }

    /// Where systemd keeps the log: its lines are the daemons' own, between those of systemd about them.
    private func journal(_ output: Output, _ asIs: Bool) throws {
        var words = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=\(tail)"]
        words += daemon.map { ["--unit=\(Systemd.unit($0.role))"] } ?? ["--unit=infernet-*"]
        if let since { words.append("--since=-\(since.milliseconds / 1000)s") }
        if follow { words.append("--follow") }
        try Tool.lines(words) { line in
            if let job, !line.contains(job.id.text) { return }
            output.line(asIs ? line : LogLine.pretty(line, output.style))
        }
    }
}

/// A daemon's name on the command line, with or without `-d`.
struct DaemonArgument: ExpressibleByArgument {
    let role: Role
    init?(argument: String) {
        guard let role = Role(rawValue: argument) ?? Role.daemons.first(where: { $0.interface == argument })
        else {
            return nil
        }
        self.role = role
    }
    static var allValueStrings: [String] { Role.daemons.map(\.rawValue) }
}

/// A span of time on the command line.
struct SpanArgument: ExpressibleByArgument {
    let milliseconds: Int64
    init?(argument: String) {
        guard let span = Units.span(argument) else { return nil }
        milliseconds = span
    }
}
