// Proves that looking at eight bytes at once finds the same first byte as looking at each.

import Testing

@testable import Wire

@Suite struct PlainRunTests {
    private func slow(_ bytes: [UInt8], _ start: Int) -> Int {
        bytes[start...].firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C } ?? bytes.count
    }

    @Test func everyByteAtEveryPlaceOfAWord() {
        for filler: UInt8 in [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x61, 0x7F, 0x80, 0xA2, 0xDC, 0xFF] {
            for value in UInt8.min...UInt8.max {
                for place in 0..<19 {
                    var bytes = [UInt8](repeating: filler, count: 19)
                    bytes[place] = value
                    for start in 0...3 {
                        let end = bytes.withUnsafeBytes { PlainRun.end($0, from: start) }
                        #expect(
                            end == slow(bytes, start), "\(value) at \(place) among \(filler), from \(start)")
                    }
                }
            }
        }
    }

    @Test func severalInOneWord() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                [0x00, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x80, 0xA0, 0xFF].randomElement(
                    using: &random)
                    ?? UInt8(0)
            }
            let start = Int.random(in: 0...bytes.count, using: &random)
            let end = bytes.withUnsafeBytes { PlainRun.end($0, from: start) }
            #expect(end == slow(bytes, start), "\(bytes) from \(start)")
        }
    }
}
