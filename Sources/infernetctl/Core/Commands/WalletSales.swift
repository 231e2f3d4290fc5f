// `infernetctl wallet sales`: what strangers bought over HTTP, how far each payment is, and what comes next.
// It must never say that something is paid before it is final.

import ArgumentParser
import FoundationEssentials
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct Sales: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what strangers bought over HTTP, newest first, and how far each payment is.",
            discussion: "Sales are x402's 'exact', at the address under sale.listen.")

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many at most.")
        var limit = 20

        func validate() throws {
            if !(1...1_000).contains(limit) { throw ValidationError("--limit must be between 1 and 1000.") }
        }

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Sales(limit: limit), at: .ledger)
            if global.json { return global.output.json(reply) }
            guard !reply.sales.isEmpty else {
                return global.output.line(
                    "Nothing was sold yet. What strangers can buy stands under sale in infernet.yaml.")
            }
            let accounts = try await global.node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            SalesView.lines(reply.sales, accounts, global.output.style).forEach(global.output.line)
        }
    }
}
