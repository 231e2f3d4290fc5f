// Proves that the EVM's numbers never wrap, read one spelling only, and agree with arithmetic done another way.

import Testing

@testable import EVM

@Suite struct UInt256Tests {
    static let limit = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

    @Test(arguments: [
        "0", "1", "255", "18446744073709551615", "18446744073709551616", "1000000000000000000",
        "340282366920938463463374607431768211455", "340282366920938463463374607431768211456", limit,
    ])
    func decimalComesBack(_ text: String) throws {
        let number = try #require(UInt256(decimal: text))
        #expect("\(number)" == text)
        #expect(UInt256(bytes: number.bytes) == number && UInt256(bytes: number.minimalBytes) == number)
    }

    @Test(arguments: [
        "", "00", "01", "-1", "+1", " 1", "1 ", "1e3", "0x1", "1.0", "١", "a",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
    ])
    func otherSpellingsAreRefused(_ text: String) {
        #expect(UInt256(decimal: text) == nil)
    }

    @Test func quantitiesHaveOneSpelling() {
        #expect(UInt256(quantity: "0x0") == .zero && UInt256(quantity: "0x41") == UInt256(65))
        #expect(UInt256(quantity: "0x" + String(repeating: "f", count: 64)) == .max)
        for text in [
            "", "0x", "0x00", "0x01", "41", "0xFF", "0xg", "0x1" + String(repeating: "0", count: 64),
        ] {
            #expect(UInt256(quantity: text) == nil, "\(text)")
        }
    }

    @Test func nothingWraps() {
        #expect(UInt256.max.adding(UInt256(1)) == nil && UInt256.zero.subtracting(UInt256(1)) == nil)
        #expect(UInt256.max.multiplied(by: 2) == nil && UInt256.max.multiplied(by: 1) == .max)
        #expect(UInt256(bytes: [UInt8](repeating: 0, count: 33)) == nil)
        #expect(UInt256.max.exactUInt64 == nil && UInt256(UInt64.max).exactInt64 == nil)
        #expect(UInt256(high: 0, low: .max).adding(UInt256(1)) == UInt256(high: 1, low: 0))
        #expect(UInt256(high: 1, low: 0).subtracting(UInt256(1)) == UInt256(high: 0, low: .max))
    }

    /// Seeded numbers of all widths: (a + b) - b is a, and a product is what repeated addition in columns gives.
    @Test func arithmeticAgreesWithSchoolArithmetic() {
        var state: UInt64 = 20_261_124
        func draw() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
        for round in 0..<2_000 {
            let width = round % 33
            let (a, b) = (0..<2).map { _ in (0..<width).map { _ in UInt8(truncatingIfNeeded: draw() >> 56) } }
                .reduce(into: [UInt256]()) { $0.append(UInt256(bytes: $1) ?? .zero) }.pair
            if let sum = a.adding(b) {
                #expect(sum.subtracting(b) == a && sum >= a)
            } else {
                #expect(width == 32)
            }
            let factor = draw() >> (draw() % 64)
            var columns: [UInt64] = []
            var carry: UInt128 = 0
            for byte in a.bytes.reversed() {
                carry += UInt128(byte) * UInt128(factor)
                columns.append(UInt64(carry & 0xff))
                carry >>= 8
            }
            let expected = carry == 0 ? UInt256(bytes: columns.reversed().map { UInt8($0) }) : nil
            #expect(a.multiplied(by: factor) == expected)
            #expect((a < b) == a.bytes.lexicographicallyPrecedes(b.bytes))
        }
    }
}

extension [UInt256] {
    fileprivate var pair: (UInt256, UInt256) { (self[0], self[1]) }
}
