// Ceilings by asset as lines for people. Pure.
// It must never round an amount.

import Interfaces
import NodeModel

/// Renders ceilings.
enum CeilingView {
    static func lines(_ ceilings: [LedgerInterface.Policy.Ceiling], _ style: Style) -> [String] {
        guard !ceilings.isEmpty else { return [] }
        var table = Table([
            ("ASSET", .left), ("WHAT", .left), ("PER CALL", .right), ("PER DAY", .right),
            ("PER PEER", .right), ("SET BY", .left),
        ])
        for row in ceilings {
            let amounts = [row.perCall, row.perDay, row.perPeer].map { amount in
                amount.map { TokenAmount.text($0, decimals: row.decimals) } ?? "-"
            }
            table.add(
                TerminalText.clean(row.symbol), TerminalText.clean(row.what), amounts[0], amounts[1],
                amounts[2], TerminalText.clean(row.setting))
        }
        return [""] + table.lines(style)
    }
}
