// Chance for simulations: fast, seeded, with the few distributions that networks follow.
// It must never be used by the product: anybody can predict it.

import Glibc

/// SplitMix64, with distributions.
public struct SimulatedRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The same seed gives the same numbers.
    public init(seed: UInt64) { state = seed &* 0xD134_2543_DE82_EF95 &+ 0x9E37_79B9_7F4A_7C15 }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number from 0 up to, but not including, 1.
    public mutating func chance() -> Double { Double(next() >> 11) / Double(1 << 53) }

    /// A number from 0 up to, but not including, `bound`, which is at least 1.
    public mutating func below(_ bound: Int) -> Int { Int(chance() * Double(bound)) }

    /// A number whose logarithm is normal; half of the numbers are below `median`.
    public mutating func logNormal(median: Double, sigma: Double) -> Double {
        let radius = (-2 * log(1 - chance())).squareRoot()
        return median * exp(sigma * radius * cos(2 * .pi * chance()))
    }

    /// The time until something happens that happens every `mean` on average.
    public mutating func exponential(mean: Double) -> Double { -mean * log(1 - chance()) }
}
