// Lower-case hexadecimal, the only spelling of keys, ids and hashes that Infernet writes or accepts.
// It must never accept upper case or odd lengths: two spellings of one key would be two keys.

/// Strict lower-case hexadecimal.
public enum Hex {
    /// Writes `bytes` as lower-case hexadecimal, two characters a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        bytes.withContiguousStorageIfAvailable(write) ?? Array(bytes).withUnsafeBufferPointer(write)
    }

    /// Straight into the text: every card that is taken is written this way three times.
    private static func write(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { out in
            for (place, byte) in bytes.enumerated() {
                out[2 * place] = digit(byte >> 4)
                out[2 * place + 1] = digit(byte & 15)
            }
            return 2 * bytes.count
        }
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
        return utf8.withContiguousStorageIfAvailable(read) ?? Array(utf8).withUnsafeBufferPointer(read)
    }

    /// - Parameter text: an even number of characters.
    private static func read(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 2) { out, count in
            for place in 0..<(text.count / 2) {
                guard let high = value(text[2 * place]), let low = value(text[2 * place + 1]) else {
                    isValid = false
                    return
                }
                out[place] = high << 4 | low
                count += 1
            }
        }
        return isValid ? bytes : nil
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
