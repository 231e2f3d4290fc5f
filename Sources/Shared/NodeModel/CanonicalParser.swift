// Reads the canonical JSON subset. White space, fractions, repeated keys and unusual escapes are errors here;
// whatever else is spelled differently is caught by writing the value again and comparing.

struct CanonicalParser {
    /// Deeper documents are refused: ours have at most six levels.
    static let deepest = 32
    /// The largest integer that every JSON reader keeps exact (RFC 7493).
    static let largest: Int64 = 9_007_199_254_740_991

    private let bytes: [UInt8]
    private var at = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The value of `bytes`, all of them.
    static func parse(_ bytes: [UInt8]) throws(CanonicalJSONError) -> CanonicalValue {
        var parser = CanonicalParser(bytes)
        let value = try parser.value(depth: 0)
        guard parser.at == bytes.count else { throw .syntax(offset: parser.at) }
        return value
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func expect(_ text: StaticString) throws(CanonicalJSONError) {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[at...].starts(with: wanted) else { throw .syntax(offset: at) }
        at += wanted.count
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func value(depth: Int) throws(CanonicalJSONError) -> CanonicalValue {
        guard depth < Self.deepest else { throw .tooDeep(offset: at) }
        switch next {
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "{"): return try object(depth: depth)
        default: return .integer(try integer())
        }
    }

    private mutating func array(depth: Int) throws(CanonicalJSONError) -> CanonicalValue {
        try expect("[")
        var items: [CanonicalValue] = []
        if take("]") { return .array(items) }
        repeat {
            items.append(try value(depth: depth + 1))
        } while take(",")
        try expect("]")
        return .array(items)
    }

    private mutating func object(depth: Int) throws(CanonicalJSONError) -> CanonicalValue {
        try expect("{")
        var members: [String: CanonicalValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            let start = at
            let key = try string()
            try expect(":")
            guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
                throw .repeatedKey(key, offset: start)
            }
        } while take(",")
        try expect("}")
        return .object(members)
    }

    private mutating func integer() throws(CanonicalJSONError) -> Int64 {
        let start = at
        _ = take("-")
        while let character = next, (0x30...0x39).contains(character) { at += 1 }
        if let character = next, ".eE".utf8.contains(character) {
            throw .fraction(offset: start)
        }
        guard at > start, let value = Int64(String(decoding: bytes[start..<at], as: UTF8.self)) else {
            throw .syntax(offset: start)
        }
        guard value.magnitude <= Self.largest.magnitude else { throw .integerOutOfRange(offset: start) }
        return value
    }

    private mutating func string() throws(CanonicalJSONError) -> String {
        let start = at
        try expect("\"")
        var raw: [UInt8] = []
        while let byte = next {
            at += 1
            switch byte {
            case 0x22:
                guard let text = String(validating: raw, as: UTF8.self) else { throw .syntax(offset: start) }
                return text
            case 0x5C: raw.append(try escape())
            case 0..<0x20: throw .syntax(offset: at - 1)
            default: raw.append(byte)
            }
        }
        throw .syntax(offset: start)
    }

    /// Canonical text escapes nothing above U+001F except the quote and the backslash.
    private mutating func escape() throws(CanonicalJSONError) -> UInt8 {
        let start = at
        guard let kind = next else { throw .syntax(offset: start) }
        at += 1
        switch kind {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case 0x22, 0x5C: return kind
        case UInt8(ascii: "u"):
            guard at + 4 <= bytes.count, bytes[at] == 0x30, bytes[at + 1] == 0x30,
                let code = Hex.decode(String(decoding: bytes[at + 2..<at + 4], as: UTF8.self), count: 1),
                code[0] < 0x20
            else { throw .syntax(offset: start) }
            at += 4
            return code[0]
        default: throw .syntax(offset: start)
        }
    }
}
