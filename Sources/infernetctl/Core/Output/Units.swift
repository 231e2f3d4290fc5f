// Numbers as people read them. Pure; money only ever by whole numbers.
// It must never round an amount of money.

import NodeModel

/// Formatting and reading of quantities.
enum Units {
    /// "98.4 MB", in powers of 1000.
    static func bytes(_ count: Int64) -> String {
        if count < 1000 { return "\(count) B" }
        var tenths = count / 100
        for unit in ["kB", "MB", "GB", "TB"] {
            if tenths < 10_000 || unit == "TB" { return "\(tenths / 10).\(tenths % 10) \(unit)" }
            tenths /= 1000
        }
        return "\(count) B"
    }

    /// "7s", "3m 12s", "2h 5m", "4d 1h".
    static func duration(seconds: Int64) -> String {
        let s = max(0, seconds)
        if s < 60 { return "\(s)s" }
        if s < 3600 { return "\(s / 60)m \(s % 60)s" }
        if s < 86_400 { return "\(s / 3600)h \(s % 3600 / 60)m" }
        return "\(s / 86_400)d \(s % 86_400 / 3600)h"
    }

    /// "340 ms" or "1.52 s".
    static func milliseconds(_ ms: Int64) -> String {
        ms < 1000 ? "\(ms) ms" : "\(ms / 1000).\(pad(ms % 1000 / 10, 2)) s"
    }

    /// An amount in whole units of its asset, every micro-unit kept: 54 is "0.000054 test:credit".
    static func amount(_ micro: Int64, _ asset: Asset) -> String {
        "\(TokenAmount.text(micro, decimals: 6)) \(asset.rawValue)"
    }

    /// "1 / 2 micro test:credit": a token of the prompt, and one of the answer.
    static func price(_ price: UnitPrice) -> String {
        "\(price.prompt) / \(price.completion) micro \(price.asset.rawValue)"
    }

    /// Tokens per second with one decimal; nil when nothing can be said.
    static func rate(tokens: Int64, milliseconds: Int64) -> String? {
        guard tokens > 0, milliseconds > 0 else { return nil }
        let (scaled, over) = tokens.multipliedReportingOverflow(by: 10_000)
        guard !over else { return nil }
        let tenths = scaled / milliseconds
        return "\(tenths / 10).\(tenths % 10) tok/s"
    }

    /// "30s", "5m", "2h" or "1d" as milliseconds; nil for anything else.
    static func span(_ text: String) -> Int64? {
        guard let unit = text.last, let count = Int64(text.dropLast()), count >= 0, count < 1_000_000 else {
            return nil
        }
        switch unit {
        case "s": return count * 1000
        case "m": return count * 60_000
        case "h": return count * 3_600_000
        case "d": return count * 86_400_000
        default: return nil
        }
    }

    /// "2026-01-01 12:00:00Z" of Unix milliseconds.
    static func time(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        let (year, month, day) = civil(days: seconds / 86_400)
        let s = seconds % 86_400
        return
            "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2)) \(pad(s / 3600, 2)):\(pad(s % 3600 / 60, 2)):\(pad(s % 60, 2))Z"
    }

    /// The date of a day counted from 1970-01-01 in the proleptic Gregorian calendar.
    private static func civil(days: Int64) -> (Int64, Int64, Int64) {
        // Years begin in March here, so that the leap day is the last day of one.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * m + 2) / 5 + 1
        let month = m < 10 ? m + 3 : m - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
