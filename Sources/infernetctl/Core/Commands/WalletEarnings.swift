// `infernetctl wallet earnings`: what this node earned by jobs and sales, by day or one by one, and what is not sure yet.
// It must never add up amounts of different assets.

import ArgumentParser
import FoundationEssentials
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct Earnings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what this node earned, by day, and what is unpaid or at risk.",
            discussion: """
                Unpaid is what was done and the client has not accepted yet, and what strangers paid that no final block has \
                yet; at risk what of it is older than a day.
                """)

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many days back, today included.")
        var days = 30
        @Option(
            name: .shortAndLong, help: "Show so many of the last jobs, and of the last sales, one by one.")
        var jobs = 0
        @Flag(help: "As CSV (RFC 4180), amounts in the asset's smallest unit.")
        var csv = false

        func validate() throws {
            if !(1...366).contains(days) { throw ValidationError("--days must be between 1 and 366.") }
            if !(0...1_000).contains(jobs) { throw ValidationError("--jobs must be between 0 and 1000.") }
            if csv && global.json { throw ValidationError("Either --csv or --json.") }
        }

        func run() async throws {
            let reply = try await global.node.call(
                LedgerInterface.Earnings(days: days, jobs: jobs), at: .ledger)
            let output = global.output
            if global.json { return output.json(reply) }
            if csv { return EarningsView.csv(reply, byJob: jobs > 0).forEach(output.line) }
            guard !reply.days.isEmpty else {
                return output.line("No job of another node was done, and nothing sold, in \(days) days.")
            }
            EarningsView.days(reply.days).lines(output.style).forEach(output.line)
            if !reply.jobs.isEmpty {
                output.line("")
                EarningsView.jobs(reply.jobs).lines(output.style).forEach(output.line)
            }
            if !reply.sales.isEmpty {
                output.line("")
                EarningsView.sales(reply.sales).lines(output.style).forEach(output.line)
            }
        }
    }
}
