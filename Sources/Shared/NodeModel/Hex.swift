// Lower-case hexadecimal, the only spelling of keys, ids and hashes that Infernet writes or accepts.
// It must never accept upper case or odd lengths: two spellings of one key would be two keys.

/// Strict lower-case hexadecimal.
public enum Hex {
    /// Writes `bytes` as lower-case hexadecimal, two characters a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            out.append(digit(byte >> 4))
            out.append(digit(byte & 15))
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Reads lower-case hexadecimal.
    ///
    /// - Parameters:
    ///   - text: the characters.
    ///   - count: the number of bytes it must stand for, or nil for any.
    /// - Returns: nil for an odd length, any other character (upper case too) or another count.
    public static func decode(_ text: some StringProtocol, count: Int? = nil) -> [UInt8]? {
        let utf8 = text.utf8
        guard utf8.count.isMultiple(of: 2), count == nil || utf8.count == (count ?? 0) * 2 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(utf8.count / 2)
        var high: UInt8?
        for character in utf8 {
            guard let value = value(character) else { return nil }
            if let first = high {
                out.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return out
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x61 + value - 10
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }
}
