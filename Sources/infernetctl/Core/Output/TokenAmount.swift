// Amounts between people and smallest units, by whole numbers only.
// It must never round, nor guess what was meant.

import Interfaces

/// Amounts of tokens, between people and smallest units. Nothing is ever rounded.
enum TokenAmount {
    static func text(_ units: Int64, _ account: LedgerInterface.Accounts.Account) -> String {
        text(units, decimals: account.decimals) + " " + account.symbol
    }

    static func text(_ units: Int64, decimals: Int) -> String {
        (units < 0 ? "-" : "") + text(String(units.magnitude), decimals: decimals)
    }

    /// What a chain's coin comes to, which may be more than 63 bits hold; nil unless it is a number.
    static func text(_ coin: LedgerInterface.Accounts.Coin) -> String? {
        guard (1...78).contains(coin.amount.utf8.count), (0...36).contains(coin.decimals),
            coin.amount.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return text(coin.amount, decimals: coin.decimals) + " " + TerminalText.clean(coin.symbol)
    }

    private static func text(_ digits: String, decimals: Int) -> String {
        var digits = digits
        while digits.utf8.count <= decimals { digits = "0" + digits }
        let (whole, fraction) = (digits.dropLast(decimals), digits.suffix(decimals))
        let kept = fraction.reversed().drop { $0 == "0" }.reversed()
        return whole + (kept.isEmpty ? "" : "." + String(kept))
    }

    /// - Returns: nil unless the text is digits, with at most `decimals` of them behind one point, within 63 bits.
    static func units(_ text: String, decimals: Int) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count),
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard fraction.utf8.count <= decimals else { return nil }
        return Int64(parts[0] + fraction + String(repeating: "0", count: decimals - fraction.utf8.count))
    }
}
