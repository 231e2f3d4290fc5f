// `infernetctl wallet invoice|invoices`: money that comes in on Lightning.
// It must never round an amount, nor call an invoice paid before ledger-d has booked it.

import ArgumentParser
import Interfaces
import Wire

/// Amounts on Lightning as people write them: satoshis, with at most three digits behind the point.
enum LightningAmount {
    static func millisatoshis(_ text: String) throws -> Int64 {
        guard let amount = TokenAmount.units(text, decimals: 3), amount > 0 else {
            throw ValidationError("'\(text)' is no amount of satoshis: digits, at most 3 behind the point.")
        }
        return amount
    }

    static func text(_ millisatoshis: Int64) -> String {
        TokenAmount.text(millisatoshis, decimals: 3) + " sat"
    }
}

extension Wallet {
    struct MakeInvoice: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "invoice", abstract: "Has an invoice made, to be paid to this node on Lightning.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "How many satoshis.")
        var amount: String
        @Option(help: "What the payer reads.")
        var memo = ""

        func run() async throws {
            let wanted = LedgerInterface.MakeInvoice(
                amount: try LightningAmount.millisatoshis(amount), memo: memo)
            let invoice = try await global.node.call(wanted, at: .ledger)
            if global.json { return global.output.json(invoice) }
            global.output.line(invoice.text)
            global.output.error(
                global.output.errorStyle.dim("See whether it is paid with 'infernetctl wallet invoices'."))
        }
    }

    struct Invoices: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows this node's invoices, newest first, and whether they are paid.")

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many at most.")
        var limit = 20

        func validate() throws {
            if !(1...200).contains(limit) { throw ValidationError("--limit must be between 1 and 200.") }
        }

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Invoices(limit: limit), at: .ledger)
            let output = global.output
            if global.json { return output.json(reply) }
            guard !reply.invoices.isEmpty else { return output.line("No invoice was made yet.") }
            var table = Table([("HASH", .left), ("AMOUNT", .right), ("STATE", .left), ("MEMO", .left)])
            for invoice in reply.invoices {
                table.add(
                    invoice.hash, LightningAmount.text(invoice.amount), invoice.state,
                    TerminalText.clean(invoice.memo))
            }
            table.lines(output.style).forEach(output.line)
        }
    }
}
