// `infernetctl wallet reconcile`: what the books have and the account on the chain does not, and the writing off of it.
// It must never write off another amount than the one that it tells.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what the books have and an account on a chain does not; --yes writes it off.")

        @OptionGroup var global: GlobalOptions
        @Flag(help: "Write it off.")
        var yes = false

        func run() async throws {
            let node = global.node
            let output = global.output
            let accounts = try await node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            var replies: [LedgerInterface.Reconcile.Reply] = []
            for account in accounts where !account.address.isEmpty {
                var reply = try await node.call(
                    LedgerInterface.Reconcile(asset: account.asset), at: .ledger)
                if yes, reply.missing > 0 {
                    reply = try await node.call(
                        LedgerInterface.Reconcile(asset: account.asset, amount: reply.missing), at: .ledger)
                }
                replies.append(reply)
                guard !global.json, reply.missing > 0 else { continue }
                output.line(
                    "\(TokenAmount.text(reply.missing, account)) on \(account.chain) "
                        + (reply.isWrittenOff
                            ? "are written off at the next look, which books what came in"
                            : "are in the books and not in the account \(account.address)"))
            }
            if global.json { return output.json(replies) }
            if replies.allSatisfy({ $0.missing == 0 }) { return output.line("Nothing is missing.") }
            if !yes {
                output.error(
                    output.errorStyle.dim(
                        "Something left that these books do not know of. Look at the account at a place that you trust, "
                            + "then say --yes."))
            }
        }
    }
}
