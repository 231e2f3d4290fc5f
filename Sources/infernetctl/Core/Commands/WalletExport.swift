// `infernetctl wallet history|export`: the transfers, for people and for spreadsheets.
// It must never round an amount: the file has whole numbers of the asset's smallest unit.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the last transfers, newest first.")

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many transfers at most.")
        var limit = 50

        func validate() throws {
            if !(1...1_000).contains(limit) { throw ValidationError("--limit must be between 1 and 1000.") }
        }

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.History(limit: limit), at: .ledger)
            if global.json { return global.output.json(reply) }
            guard !reply.transfers.isEmpty else { return global.output.line("Nothing was booked yet.") }
            TransferTable.lines(reply.transfers, global.output.style).forEach(global.output.line)
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes all transfers, oldest first, as CSV (RFC 4180) or as lines of JSON.")

        @OptionGroup var global: GlobalOptions
        @Flag(help: "As CSV with a header; without it (or with --json) one JSON object a line.")
        var csv = false

        func run() async throws {
            let output = global.output
            let asCSV = csv && !global.json
            if asCSV { output.raw(TransferTable.csvHeader) }
            var last: Int64 = 0
            while true {
                let page = try await global.node.call(
                    LedgerInterface.History(limit: 1_000, after: last), at: .ledger
                ).transfers
                guard let end = page.last else { return }
                for transfer in page {
                    if asCSV { output.raw(TransferTable.csv(transfer)) } else { output.json(transfer) }
                }
                last = end.sequence
            }
        }
    }
}

/// Transfers as rows.
enum TransferTable {
    static let csvHeader = "sequence,time,what,job,from,to,asset,amount\r\n"

    static func lines(_ transfers: [LedgerInterface.History.Transfer], _ style: Style) -> [String] {
        var table = Table([
            ("#", .right), ("WHEN", .left), ("WHAT", .left), ("AMOUNT", .right), ("FROM", .left),
            ("TO", .left),
            ("JOB", .left),
        ])
        for transfer in transfers {
            table.add(
                "\(transfer.sequence)", Units.time(transfer.at), transfer.operation,
                Units.amount(transfer.amount, transfer.asset), transfer.debit, transfer.credit,
                transfer.job?.text ?? "-")
        }
        return table.lines(style)
    }

    /// One record with its line end; the amount in the asset's smallest unit.
    static func csv(_ transfer: LedgerInterface.History.Transfer) -> String {
        [
            "\(transfer.sequence)", Units.time(transfer.at), transfer.operation, transfer.job?.text ?? "",
            transfer.debit, transfer.credit, transfer.asset.rawValue, "\(transfer.amount)",
        ].map(quoted).joined(separator: ",") + "\r\n"
    }

    private static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { [0x2C, 0x22, 0x0D, 0x0A].contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
