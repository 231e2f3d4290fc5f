// What a score is worth in money when a provider is chosen. Pure.
// It must never let a good name cost more than four times a stranger's price, nor shut newcomers out for good.

/// From scores to factors on the price.
enum Trust {
    /// A newcomer, or anybody not known to be better, is taken as four times as dear as he says.
    static let unproven = 0.25
    /// One who mostly failed, as twenty times.
    static let mostlyFailed = 0.05
    /// In one job of twenty newcomers count like proven providers, or nobody could ever become one.
    static let explorers: UInt64 = 20

    /// Whether more is known of somebody than of a stranger. A stranger's low price is not believed: who takes a fresh key
    /// after each failure would always be the cheapest.
    static func isProven(_ score: Double?) -> Bool { (score ?? 0) > unproven }

    /// Whether somebody has failed, and has little to show besides: less is thought of him than of a newcomer.
    static func hasFailed(_ score: Double) -> Bool { score < ExperienceBook.newcomer * 0.9 }

    /// The share of its price for which a provider is worth having.
    /// - Parameter exploring: this job may try somebody new.
    static func worth(_ score: Double?, exploring: Bool) -> Double {
        let score = score ?? ExperienceBook.newcomer
        if hasFailed(score) { return mostlyFailed }
        return exploring ? 1 : max(score, unproven)
    }

    /// Whether the job of this seed may try somebody new.
    static func explores(_ seed: UInt64) -> Bool {
        // A seed's low bits may be anything but chance; mixed they are.
        ((seed ^ (seed >> 31)) &* 0x9E37_79B9_7F4A_7C15) >> 33 % explorers == 0
    }
}
