// Proves that noise has the length that was asked for to its last byte, and is never the same twice.

import Testing

@testable import Nostr

@Suite struct SystemNoiseTests {
    @Test(arguments: [0, 1, 7, 8, 9, 24, 32, 33]) func aLengthIsKept(_ count: Int) {
        #expect(SystemNoise.bytes(count).count == count)
    }

    /// That a byte is the same in 64 draws by chance is less likely than 33 in 2^504.
    @Test func everyByteIsDrawn() {
        let draws = (0..<64).map { _ in SystemNoise.bytes(33) }
        #expect(Set(draws).count == draws.count)
        for place in 0..<33 { #expect(Set(draws.map { $0[place] }).count > 1, "byte \(place)") }
    }
}
