// `infernetctl wallet accounts|deposit|pay|payments`: money, where it comes in and how it goes out.
// It must never round an amount, nor say that something is paid before it is final.

import ArgumentParser
import FoundationEssentials
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct Accounts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what this node has on each chain and on Lightning, and how those are.",
            aliases: ["balance"])

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Accounts(), at: .ledger)
            let output = global.output
            if global.json { return output.json(reply) }
            guard !reply.accounts.isEmpty else {
                return output.line(
                    "No account is configured. Name one under ledger.chains or ledger.lightning in infernet.yaml."
                )
            }
            var table = Table([
                ("CHAIN", .left), ("AVAILABLE", .right), ("HELD", .right), ("FOR FEES", .right),
                ("ADDRESS", .left), ("STATE", .left),
            ])
            for account in reply.accounts {
                table.add(
                    account.chain, TokenAmount.text(account.available, account),
                    TokenAmount.text(account.held, account),
                    account.coin.flatMap { TokenAmount.text($0) } ?? "-",
                    account.address.isEmpty ? "by invoice" : account.address,
                    TerminalText.clean(account.reason))
            }
            table.lines(output.style).forEach(output.line)
        }
    }

    struct Deposit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows where money can be sent to this node.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Accounts(), at: .ledger)
            let output = global.output
            if global.json { return output.json(reply) }
            for account in reply.accounts {
                guard !account.address.isEmpty else {
                    output.line("infernetctl wallet invoice AMOUNT  \(account.symbol) on \(account.chain)")
                    continue
                }
                output.line("\(account.address)  \(account.symbol) on \(account.chain)")
                output.line(output.style.dim("token \(account.asset.rawValue)"))
                guard let coin = account.coin, let has = TokenAmount.text(coin) else { continue }
                output.line(
                    output.style.dim(
                        "fees are paid in \(TerminalText.clean(coin.symbol)), at the same address: it has \(has)"
                    ))
            }
            output.error(
                output.errorStyle.dim("It is booked when its block is final. Other tokens are not seen here.")
            )
        }
    }

    struct Pay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pays from this node's account on a chain, or an invoice from that on Lightning.",
            aliases: ["withdraw"])

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The payee's address, or an invoice.")
        var to: String
        @Argument(
            help:
                "How much, as 1.50 (of the token, not of its smallest unit); not for an invoice that names it."
        )
        var amount: String?
        @Option(help: "The chain, where there is more than one.")
        var chain: String?
        @Option(help: "The token, where the chain has more than one.")
        var token: String?
        @Option(help: "The payment's id: the same id pays once, however often it is asked.")
        var id: String?

        /// Whether it is an invoice: no address begins like one.
        var isInvoice: Bool {
            let lower = to.lowercased()
            return lower.hasPrefix("ln") || lower.hasPrefix("lightning:")
        }

        func validate() throws {
            if isInvoice {
                guard chain == nil, token == nil, id == nil else {
                    throw ValidationError(
                        "An invoice says by itself what is paid, and is paid once: no option goes with it.")
                }
            } else if amount == nil {
                throw ValidationError("Say how much is to be paid.")
            }
        }

        func run() async throws {
            let node = global.node
            let accounts = try await node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            let payment =
                isInvoice
                ? try await node.call(
                    LedgerInterface.PayInvoice(
                        invoice: to, amount: try amount.map { try LightningAmount.millisatoshis($0) }),
                    at: .ledger)
                : try await payAddress(node, accounts)
            if global.json { return global.output.json(payment) }
            PaymentView.lines([payment], accounts, global.output.style).forEach(global.output.line)
            global.output.error(
                global.output.errorStyle.dim("See how far it is with 'infernetctl wallet payments'."))
        }

        private func payAddress(
            _ node: Node, _ accounts: [LedgerInterface.Accounts.Account]
        ) async throws -> LedgerInterface.Payment {
            let amount = amount ?? ""
            let matching = accounts.filter {
                !$0.address.isEmpty && (chain == nil || $0.chain == chain)
                    && (token == nil || $0.symbol == token)
            }
            guard let account = matching.first, matching.count == 1 else {
                throw ValidationError(
                    matching.isEmpty
                        ? "No account matches; see 'infernetctl wallet accounts'."
                        : "Several accounts match; name one with --chain and --token.")
            }
            guard let units = TokenAmount.units(amount, decimals: account.decimals) else {
                throw ValidationError(
                    "'\(amount)' is no amount of \(account.symbol): digits, at most \(account.decimals) behind the point."
                )
            }
            let id = id ?? "pay-\(UUID().uuidString.lowercased())"
            return try await node.call(
                LedgerInterface.Pay(id: id, asset: account.asset, amount: units, to: to), at: .ledger)
        }
    }

    struct Payments: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows payments that leave this node, newest first, and what each waits for.")

        @OptionGroup var global: GlobalOptions
        @Option(name: .shortAndLong, help: "How many at most.")
        var limit = 20

        func validate() throws {
            if !(1...200).contains(limit) { throw ValidationError("--limit must be between 1 and 200.") }
        }

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Payments(limit: limit), at: .ledger)
            if global.json { return global.output.json(reply) }
            guard !reply.payments.isEmpty else { return global.output.line("Nothing was paid yet.") }
            let accounts = try await global.node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            PaymentView.lines(reply.payments, accounts, global.output.style).forEach(global.output.line)
        }
    }
}
