// How far the bytes of a JSON string mean just themselves, found sixteen at a time: most bytes of most messages are such.
// It must never pass over a quote, a backslash or a control character.

/// The bytes of a JSON string that are neither `"` nor `\` nor below 0x20.
enum PlainRun {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The place of the first byte from `start` on that is not plain; the end when all are.
    @inline(__always)
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var i = start
        let space = SIMD16<UInt8>(repeating: 0x20)
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        while i &+ 16 <= bytes.count {
            let lanes = bytes.loadUnaligned(fromByteOffset: i, as: SIMD16<UInt8>.self)
            let found = (lanes .< space) .| (lanes .== quote) .| (lanes .== backslash)
            // A true lane is all ones.
            let halves = unsafeBitCast(found, to: SIMD2<UInt64>.self)
            if halves[0] | halves[1] != 0 { break }
            i &+= 16
        }
        while i &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            // A byte below n: taking n from it borrows into its top bit, which was clear. A byte equal to c: its
            // difference to c is below one. A borrow can mark a byte after the one that is meant, never one before.
            let control = (word &- ones &* 0x20) & ~word
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found = control | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            guard found & tops == 0 else { return i &+ (found & tops).littleEndian.trailingZeroBitCount / 8 }
            i &+= 8
        }
        while i < bytes.count, case let c = bytes[i], c >= 0x20, c != 0x22, c != 0x5C { i &+= 1 }
        return i
    }

    /// Whether all of the bytes are ASCII.
    @inline(__always)
    static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var seen = SIMD16<UInt8>(repeating: 0)
        var i = 0
        while i &+ 16 <= bytes.count {
            seen |= bytes.loadUnaligned(fromByteOffset: i, as: SIMD16<UInt8>.self)
            i &+= 16
        }
        let halves = unsafeBitCast(seen, to: SIMD2<UInt64>.self)
        var top = (halves[0] | halves[1]) & tops
        while i < bytes.count {
            top |= UInt64(bytes[i] & 0x80)
            i &+= 1
        }
        return top == 0
    }
}
