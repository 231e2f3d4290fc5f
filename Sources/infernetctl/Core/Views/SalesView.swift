// How sales look: a line for each, and below it why it is so, what comes next, and the transaction. Pure.
// It must never shorten an account or a transaction: they are copied from here.

import FoundationEssentials
import Interfaces
import NodeModel

enum SalesView {
    typealias Sale = LedgerInterface.Sale

    static func lines(
        _ sales: [Sale], _ accounts: [LedgerInterface.Accounts.Account], _ style: Style
    ) -> [String] {
        sales.flatMap { sale -> [String] in
            var first = "\(time(sale.at))  \(amount(sale, accounts))  \(state(sale, style))"
            if let model = sale.model { first += "  \(TerminalText.clean(model))" }
            if let prompt = sale.promptTokens, let completion = sale.completionTokens {
                first += "  \(prompt) + \(completion) tokens"
            }
            var notes = ["bought by \(sale.buyer), \(sale.job.text)", sale.reason]
            if let next = sale.next { notes.append("next: \(next)") }
            if let transaction = sale.transaction, !sale.reason.contains(transaction) {
                notes.append("transaction \(transaction)")
            }
            return [first] + notes.map { "  " + style.dim(TerminalText.clean($0)) }
        }
    }

    /// Whether the answer is out is half of it.
    private static func state(_ sale: Sale, _ style: Style) -> String {
        let delivered = sale.delivered ? "delivered" : "not delivered"
        switch sale.state {
        case .settled: return style.green("paid") + ", \(delivered)"
        case .failed: return style.red("not paid") + ", \(delivered)"
        case .carried: return "payment on its way, \(delivered)"
        case .taken: return "payment taken, \(delivered)"
        }
    }

    private static func amount(_ sale: Sale, _ accounts: [LedgerInterface.Accounts.Account]) -> String {
        accounts.first { $0.asset == sale.asset }.map { TokenAmount.text(sale.amount, $0) }
            ?? "\(sale.amount) \(sale.asset.rawValue)"
    }

    static func time(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds / 1000)).formatted(.iso8601)
    }
}
