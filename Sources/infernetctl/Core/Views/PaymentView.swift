// Payments as lines for people. Pure.
// It must never call a payment made before it is settled.

import Interfaces
import NodeModel

/// Renders payments.
enum PaymentView {
    static func lines(
        _ payments: [LedgerInterface.Payment], _ accounts: [LedgerInterface.Accounts.Account], _ style: Style
    ) -> [String] {
        var table = Table([
            ("ID", .left), ("AMOUNT", .right), ("TO", .left), ("STATE", .left),
            ("WHY, OR WHAT IT WAITS FOR", .left),
        ])
        for payment in payments {
            let account = accounts.first { $0.asset == payment.asset }
            table.add(
                TerminalText.clean(payment.id),
                account.map { TokenAmount.text(payment.amount, $0) }
                    ?? "\(payment.amount) \(payment.asset.rawValue)",
                payment.to, payment.state,
                TerminalText.clean(payment.awaiting.map { "waits for \($0)" } ?? payment.reason))
        }
        return table.lines(style)
    }
}
