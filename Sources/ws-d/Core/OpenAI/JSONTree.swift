// A JSON text as a value whose every part remembers what it was, so that an error can name the part that is wrong.
// It must never accept what is not RFC 8259, nor an object that names a key twice.

import Wire

/// A parsed JSON value.
indirect enum JSONTree: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    case decimal(Double)
    case string(String)
    case array([JSONTree])
    case object([Member])

    struct Member: Sendable, Equatable {
        let key: String
        let value: JSONTree
    }

    /// What the value is, in the words of an error message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .decimal: "a decimal number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// Whether the value says no more than its absence would.
    var isNothing: Bool {
        switch self {
        case .null, .bool(false): true
        case .array(let items): items.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }

    /// Reads one whole text.
    static func parse(_ json: UnsafeRawBufferPointer) throws(JSONFault) -> JSONTree {
        var scanner = JSONScanner(json)
        let tree = try value(&scanner, depth: 0)
        try scanner.expectEnd()
        return tree
    }

    private static func value(_ scanner: inout JSONScanner, depth: Int) throws(JSONFault) -> JSONTree {
        guard depth <= JSONScanner.maximumDepth else { throw .tooDeep }
        switch try scanner.peek() {
        case 0x22: return .string(try scanner.string())
        case 0x7B: return try object(&scanner, depth: depth)
        case 0x5B: return try array(&scanner, depth: depth)
        default: return try scalar(&scanner)
        }
    }

    private static func object(_ scanner: inout JSONScanner, depth: Int) throws(JSONFault) -> JSONTree {
        var members: [Member] = []
        var seen = Set<String>()
        try scanner.object { (s, range) throws(JSONFault) in
            let raw = UnsafeRawBufferPointer(rebasing: s.bytes[range])
            let key = try JSONText.unescape(raw, escaped: raw.contains(0x5C))
            guard seen.insert(key).inserted else { throw .duplicateKey }
            members.append(Member(key: key, value: try value(&s, depth: depth + 1)))
        }
        return .object(members)
    }

    private static func array(_ scanner: inout JSONScanner, depth: Int) throws(JSONFault) -> JSONTree {
        try scanner.expect(0x5B)
        var items: [JSONTree] = []
        if try scanner.peek() == 0x5D {
            try scanner.expect(0x5D)
            return .array(items)
        }
        while true {
            items.append(try value(&scanner, depth: depth + 1))
            if try scanner.peek() == 0x5D {
                try scanner.expect(0x5D)
                return .array(items)
            }
            try scanner.expect(0x2C)
        }
    }

    private static func scalar(_ scanner: inout JSONScanner) throws(JSONFault) -> JSONTree {
        let range = try scanner.skip()
        if scanner.matches(range, "true") { return .bool(true) }
        if scanner.matches(range, "false") { return .bool(false) }
        if scanner.matches(range, "null") { return .null }
        return try number(UnsafeRawBufferPointer(rebasing: scanner.bytes[range]), at: range.lowerBound)
    }

    /// RFC 8259, section 6: no plus sign, no leading zero, digits on both sides of the point.
    private static func number(_ text: UnsafeRawBufferPointer, at position: Int) throws(JSONFault) -> JSONTree
    {
        var i = 0
        func digits() -> Int {
            let start = i
            while i < text.count, text[i] >= 0x30, text[i] <= 0x39 { i += 1 }
            return i - start
        }
        if i < text.count, text[i] == 0x2D { i += 1 }
        let leadingZero = i < text.count && text[i] == 0x30
        let whole = digits()
        guard whole > 0 else { throw .unexpected(at: position) }
        guard !leadingZero || whole == 1 else { throw .badNumber }
        var isInteger = true
        if i < text.count, text[i] == 0x2E {
            isInteger = false
            i += 1
            guard digits() > 0 else { throw .badNumber }
        }
        if i < text.count, text[i] == 0x65 || text[i] == 0x45 {
            isInteger = false
            i += 1
            if i < text.count, text[i] == 0x2B || text[i] == 0x2D { i += 1 }
            guard digits() > 0 else { throw .badNumber }
        }
        guard i == text.count else { throw .badNumber }
        let plain = String(decoding: text, as: UTF8.self)
        if isInteger, let integer = Int64(plain) { return .integer(integer) }
        guard let decimal = Double(plain), decimal.isFinite else { throw .badNumber }
        return .decimal(decimal)
    }
}
