// The node's only source of chance: SHA-256 over a secret seed and a counter.
// It must never be seeded with less than 32 unpredictable bytes outside tests: tokens and transaction ids rest on it.

import Crypto

/// A deterministic generator that nobody without the seed can predict.
public struct DHTRandom: RandomNumberGenerator, Sendable {
    private let seed: [UInt8]
    private var counter: UInt64 = 0
    private var words: [UInt64] = []

    /// A generator for `seed`; the same seed gives the same numbers.
    public init(seed: [UInt8]) { self.seed = seed }

    /// A generator for tests and simulations.
    public init(seed: UInt64) { self.init(seed: withUnsafeBytes(of: seed.littleEndian) { Array($0) }) }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        if let word = words.popLast() { return word }
        var hash = SHA256()
        hash.update(data: seed)
        withUnsafeBytes(of: counter.littleEndian) { hash.update(bufferPointer: $0) }
        counter += 1
        var word: UInt64 = 0
        var length = 0
        for byte in hash.finalize() {
            word = word << 8 | UInt64(byte)
            length += 1
            if length.isMultiple(of: 8) { words.append(word) }
        }
        return words.popLast() ?? word
    }

    /// `count` random bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        while out.count < count {
            let word = next()
            for shift in stride(from: 56, through: 0, by: -8) where out.count < count {
                out.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return out
    }
}
