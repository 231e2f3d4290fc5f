// The Beta distribution's quantiles: how good somebody is at least, given what was seen of him. Pure.
// It must never be asked with parameters that are not positive and finite.

import Glibc

/// What is believed of a share between 0 and 1.
struct BetaDistribution: Hashable, Sendable {
    let alpha: Double
    let beta: Double

    /// The value below which a share of `probability` of the distribution lies, to about 1e-9; by halving.
    func quantile(_ probability: Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<32 {
            let middle = (low + high) / 2
            if cumulative(middle) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The regularized incomplete beta function by its continued fraction (DLMF 8.17.22).
    func cumulative(_ x: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast on this side of the mean only; on the other the mirror image is used.
        if x > (alpha + 1) / (alpha + beta + 2) {
            return 1 - BetaDistribution(alpha: beta, beta: alpha).cumulative(1 - x)
        }
        // In two typed parts: the compiler took seconds to find what these are.
        let constant: Double = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
        let logarithm: Double = constant + alpha * log(x) + beta * log(1 - x)
        return exp(logarithm) / (alpha * fraction(x))
    }

    /// 1 + d1/(1 + d2/(1 + …)), evaluated from the front (Lentz).
    private func fraction(_ x: Double) -> Double {
        let tiny = 1e-300
        var (value, numerator, denominator) = (1.0, 1.0, 0.0)
        for step in 1...2_000 {
            let term = coefficient(step, x)
            denominator = 1 + term * denominator
            numerator = 1 + term / numerator
            if abs(denominator) < tiny { denominator = tiny }
            if abs(numerator) < tiny { numerator = tiny }
            denominator = 1 / denominator
            let change = numerator * denominator
            value *= change
            if abs(change - 1) < 1e-13 { break }
        }
        return value
    }

    private func coefficient(_ step: Int, _ x: Double) -> Double {
        let m = Double(step / 2)
        if step.isMultiple(of: 2) {
            return m * (beta - m) * x / ((alpha + 2 * m - 1) * (alpha + 2 * m))
        }
        return -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2 * m) * (alpha + 2 * m + 1))
    }
}
