// The escapes of JSON strings, both ways (RFC 8259, section 7).
// It must never let a lone surrogate or bad UTF-8 through.

/// String escaping and unescaping.
public enum JSONText {
    /// The value of the bytes between a string's quotes.
    public static func unescape(_ raw: UnsafeRawBufferPointer, escaped: Bool) throws(JSONFault) -> String {
        guard escaped else {
            // Nothing to check, which the standard library's strict way does at some length.
            if PlainRun.isASCII(raw) { return String(decoding: raw, as: UTF8.self) }
            guard let plain = String(validating: raw, as: UTF8.self) else { throw .notUTF8 }
            return plain
        }
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        var i = 0
        while i < raw.count {
            guard raw[i] == 0x5C else {
                out.append(raw[i])
                i += 1
                continue
            }
            guard i + 1 < raw.count else { throw .truncated }
            if raw[i + 1] == 0x75 {
                let (scalar, used) = try scalar(raw, at: i)
                out.append(contentsOf: Array(String(Character(scalar)).utf8))
                i += used
            } else {
                guard let byte = simpleEscape(raw[i + 1]) else { throw .unexpected(at: i + 1) }
                out.append(byte)
                i += 2
            }
        }
        guard let text = String(validating: out, as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    private static func simpleEscape(_ c: UInt8) -> UInt8? {
        switch c {
        case 0x22, 0x5C, 0x2F: c
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: 0x0A
        case 0x72: 0x0D
        case 0x74: 0x09
        default: nil
        }
    }

    private static func scalar(
        _ raw: UnsafeRawBufferPointer, at i: Int
    ) throws(JSONFault) -> (Unicode.Scalar, Int) {
        var value = try hex4(raw, i + 2)
        var used = 6
        if value >= 0xD800, value < 0xDC00 {
            guard i + 7 < raw.count, raw[i + 6] == 0x5C, raw[i + 7] == 0x75 else { throw .notUTF8 }
            let low = try hex4(raw, i + 8)
            guard low >= 0xDC00, low < 0xE000 else { throw .notUTF8 }
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)
            used = 12
        }
        guard let scalar = Unicode.Scalar(value) else { throw .notUTF8 }
        return (scalar, used)
    }

    private static func hex4(_ raw: UnsafeRawBufferPointer, _ at: Int) throws(JSONFault) -> UInt32 {
        guard at + 4 <= raw.count else { throw .truncated }
        var value: UInt32 = 0
        for k in at..<(at + 4) {
            switch raw[k] {
            case let c where c >= 0x30 && c <= 0x39: value = value << 4 | UInt32(c - 0x30)
            case let c where c >= 0x61 && c <= 0x66: value = value << 4 | UInt32(c - 0x57)
            case let c where c >= 0x41 && c <= 0x46: value = value << 4 | UInt32(c - 0x37)
            default: throw .unexpected(at: k)
            }
        }
        return value
    }
}
