// `infernetctl jobs` and `infernetctl job ID`: what was run, and how each came to its end.
// It must never show a state without its reason.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the last jobs, newest first.")

    @OptionGroup var global: GlobalOptions
    @Option(name: .shortAndLong, help: "How many at most.")
    var limit = 20

    func validate() throws {
        if !(1...10_000).contains(limit) { throw ValidationError("--limit must be between 1 and 10000.") }
    }

    func run() async throws {
        let reply = try await global.node.call(AggregatorInterface.Jobs(limit: limit), at: .aggregator)
        if global.json { return global.output.json(reply) }
        guard !reply.jobs.isEmpty else {
            return global.output.error("No job yet. Try: infernetctl chat \"Hello\"")
        }
        JobView.table(reply.jobs, global.output.style).lines(global.output.style).forEach(global.output.line)
    }
}

struct Job: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Tells a job's story.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The job's id, as job_…")
    var job: JobArgument

    func run() async throws {
        let reply = try await global.node.call(AggregatorInterface.Job(job: job.id), at: .aggregator)
        if global.json { return global.output.json(reply) }
        JobView.story(reply, global.output.style).forEach(global.output.line)
    }
}

/// A job's id on the command line.
struct JobArgument: ExpressibleByArgument {
    let id: JobID
    init?(argument: String) {
        guard let id = JobID(argument) else { return nil }
        self.id = id
    }
}
