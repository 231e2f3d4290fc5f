// Writes JSON text and frames into one growing buffer, without reflection.
// It must never write what our own scanner would refuse.

/// A writer of JSON bytes.
public struct JSONWriter: Sendable {
    public var bytes: [UInt8]

    public init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Text that is JSON already, written as it stands.
    public mutating func literal(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Bytes that are one JSON value already.
    public mutating func raw(_ json: some Sequence<UInt8>) { bytes.append(contentsOf: json) }

    public mutating func number(_ value: UInt64) {
        if value < 10 {
            bytes.append(0x30 + UInt8(value))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var i = 20
            var rest = value
            repeat {
                i -= 1
                digits[i] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[i..<20]))
        }
    }

    public mutating func number(_ value: Int) {
        if value < 0 { bytes.append(0x2D) }
        number(UInt64(value.magnitude))
    }

    public mutating func string(_ value: String) {
        bytes.append(0x22)
        var value = value
        value.withUTF8 { utf8 in
            var start = 0
            while true {
                let end = PlainRun.end(UnsafeRawBufferPointer(utf8), from: start)
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<end]))
                guard end < utf8.count else { return }
                escape(utf8[end])
                start = end + 1
            }
        }
        bytes.append(0x22)
    }

    private mutating func escape(_ c: UInt8) {
        switch c {
        case 0x22: literal("\\\"")
        case 0x5C: literal("\\\\")
        case 0x0A: literal("\\n")
        case 0x0D: literal("\\r")
        case 0x09: literal("\\t")
        default:
            let digits: StaticString = "0123456789abcdef"
            literal("\\u00")
            bytes.append(digits.utf8Start[Int(c >> 4)])
            bytes.append(digits.utf8Start[Int(c & 15)])
        }
    }

    /// Leaves room for a frame's length; give the result to `endFrame`.
    public mutating func beginFrame() -> Int {
        bytes.append(contentsOf: repeatElement(0, count: 4))
        return bytes.count - 4
    }

    /// Writes the length of the frame that began at `start`.
    public mutating func endFrame(_ start: Int) {
        let length = UInt32(truncatingIfNeeded: bytes.count - start - 4)
        bytes[start] = UInt8(length >> 24)
        bytes[start + 1] = UInt8(length >> 16 & 0xFF)
        bytes[start + 2] = UInt8(length >> 8 & 0xFF)
        bytes[start + 3] = UInt8(length & 0xFF)
    }
}
