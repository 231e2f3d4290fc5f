// Writes the documents of every job as JSONEncoder with sorted keys would, byte for byte, without reflection.
// It must never write a document of which it would leave something out: that one goes by Codable.

/// A document that is written by hand where nothing rare is in it.
public protocol PlainDocument: Encodable {
    /// Appends the document as JSON with sorted keys and no white space.
    ///
    /// - Returns: false, with nothing that counts appended, for one that only Codable knows how to write.
    func write(into out: inout [UInt8]) -> Bool
}

/// The pieces that such documents are made of.
public enum PlainJSON {
    /// Text that is JSON already.
    @inline(__always)
    public static func literal(_ text: StaticString, into out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public static func integer(_ value: some FixedWidthInteger, into out: inout [UInt8]) {
        if value >= 0, value < 10 { return out.append(0x30 + UInt8(truncatingIfNeeded: value)) }
        if value < 0 { out.append(0x2D) }
        var rest = value.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { digits in
            var place = 40
            repeat {
                place -= 1
                digits[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            out.append(contentsOf: UnsafeBufferPointer(rebasing: digits[place..<40]))
        }
    }

    /// A number that may have a fraction.
    ///
    /// - Returns: false for what is no number in JSON.
    public static func number(_ value: Double, into out: inout [UInt8]) -> Bool {
        guard value.isFinite else { return false }
        let text = value.description
        out.append(contentsOf: text.utf8)
        if text.hasSuffix(".0") { out.removeLast(2) }
        return true
    }

    /// A string in quotes.
    public static func string(_ text: String, into out: inout [UInt8]) {
        out.append(0x22)
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            for place in bytes.indices
            where bytes[place] < 0x20 || bytes[place] == 0x22 || bytes[place] == 0x5C {
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<place]))
                escape(bytes[place], into: &out)
                start = place + 1
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
        }
        out.append(0x22)
    }

    /// An array of strings.
    public static func strings(_ items: [String], into out: inout [UInt8]) {
        out.append(0x5B)
        for (place, item) in items.enumerated() {
            if place > 0 { out.append(0x2C) }
            string(item, into: &out)
        }
        out.append(0x5D)
    }

    /// Bytes as lower-case hexadecimal, in quotes.
    public static func hex(_ bytes: [UInt8], into out: inout [UInt8]) {
        out.append(0x22)
        for byte in bytes {
            out.append(digit(byte >> 4))
            out.append(digit(byte & 15))
        }
        out.append(0x22)
    }

    static func escape(_ byte: UInt8, into out: inout [UInt8]) {
        switch byte {
        case 0x08: literal("\\b", into: &out)
        case 0x09: literal("\\t", into: &out)
        case 0x0A: literal("\\n", into: &out)
        case 0x0C: literal("\\f", into: &out)
        case 0x0D: literal("\\r", into: &out)
        case 0x22: literal("\\\"", into: &out)
        case 0x5C: literal("\\\\", into: &out)
        default:
            literal("\\u00", into: &out)
            out.append(digit(byte >> 4))
            out.append(digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
