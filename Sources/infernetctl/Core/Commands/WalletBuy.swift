// `infernetctl wallet buy`: one answer of a shop, paid by x402.
// It must never go on to another shop or amount than the person named.

import ArgumentParser
import Foundation
import Interfaces
import Wire

extension Wallet {
    struct Buy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Buys one answer of a shop of ledger.shops by x402, for a price up to --max.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The shop, as ledger.shops names it.")
        var shop: String
        @Argument(help: "What is posted to it, as JSON; - reads it from stdin.")
        var body = "{}"
        @Option(name: .customLong("max"), help: "The most to be paid, as 0.01.")
        var most: String
        @Option(help: "Digits behind the point of what is paid in.")
        var decimals = 6
        @Option(help: "The purchase's id: the same id pays once, however often it is asked.")
        var id: String?

        func run() async throws {
            guard let units = TokenAmount.units(most, decimals: decimals), units > 0 else {
                throw ValidationError("'\(most)' is no amount: digits, at most \(decimals) behind the point.")
            }
            let text =
                body == "-"
                ? String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self) : body
            let wanted = LedgerInterface.Buy(
                id: id ?? "buy-\(UUID().uuidString.lowercased())", shop: shop, body: text, most: units)
            let reply = try await global.node.call(wanted, at: .ledger)
            let output = global.output
            if global.json { return output.json(reply) }
            output.line(output.isTerminal ? TerminalText.clean(reply.body) : reply.body)
            let accounts = try await global.node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            if let payment = reply.payment {
                PaymentView.lines([payment], accounts, output.errorStyle).forEach(output.error)
            }
            guard (200..<300).contains(reply.status) else {
                throw WireError(
                    .providerFailed, "The shop answered with status \(reply.status).",
                    fix: reply.payment == nil
                        ? nil
                        : "Ask again with --id \(wanted.id): the same payment is given, and taken once at most."
                )
            }
        }
    }
}
