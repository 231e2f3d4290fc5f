// `infernetctl wallet` and `infernetctl identity`: what this node earned and spent, and who it is.
// It must never show a private key; nobody but ledger-d has it.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

struct Wallet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and proves the books, and keeps the key safe.",
        subcommands: [
            Show.self, History.self, Export.self, PolicyTable.self, Audit.self, Backup.self, Restore.self,
            Rotate.self, Successions.self, Accounts.self, Deposit.self, Pay.self, Buy.self, Payments.self,
            MakeInvoice.self, Invoices.self, Earnings.self, Channel.self, Channels.self, Leave.self,
            Sales.self, Credit.self, Reconcile.self,
        ],
        defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows what this node earned and spent.")

        private struct Document: Encodable {
            var balance: LedgerInterface.Balance.Reply
            var history: [LedgerInterface.History.Transfer]
        }

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many transfers at most.")
        var limit = 20

        func validate() throws {
            if !(1...1_000).contains(limit) { throw ValidationError("--limit must be between 1 and 1000.") }
        }

        func run() async throws {
            let node = global.node
            let balance = try await node.call(LedgerInterface.Balance(), at: .ledger)
            let history = try await node.call(LedgerInterface.History(limit: limit), at: .ledger).transfers
            let output = global.output
            if global.json { return output.json(Document(balance: balance, history: history)) }
            for total in balance.totals {
                output.line("earned  \(output.style.green(Units.amount(total.earned, total.asset)))")
                output.line("spent   \(output.style.yellow(Units.amount(total.spent, total.asset)))")
            }
            output.line(output.style.dim("\(balance.transfers) transfers, chain head \(balance.chainHead)"))
            guard !history.isEmpty else { return }
            output.line("")
            TransferTable.lines(history, output.style).forEach(output.line)
        }
    }
}

struct Identity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Says who this node is.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let reply = try await global.node.call(LedgerInterface.Identity(), at: .ledger)
        if global.json { return global.output.json(reply) }
        global.output.line(reply.npub)
        global.output.line(global.output.style.dim(reply.pubkey.hex))
    }
}
