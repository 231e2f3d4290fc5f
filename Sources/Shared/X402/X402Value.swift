// Any JSON value, kept as it came: a payment repeats what it accepts, with members that only the payee understands.
// It must never turn a number into another: its digits are kept.

import Wire

/// A JSON value.
public indirect enum X402Value: Hashable, Sendable {
    case null
    case flag(Bool)
    /// As it is spelled.
    case number(String)
    case text(String)
    case list([X402Value])
    case object([String: X402Value])

    /// How deep values may nest, and how many one document may have.
    static let deepest = 12
    static let mostValues = 1_024

    /// Reads one value and nothing else.
    public init(_ bytes: [UInt8]) throws(X402Error) {
        do {
            self = try bytes.withUnsafeBytes { raw in
                var scanner = JSONScanner(raw)
                var left = Self.mostValues
                let value = try Self.read(&scanner, depth: 0, left: &left)
                try scanner.expectEnd()
                return value
            }
        } catch { throw .notJSON }
    }

    private static func read(
        _ scanner: inout JSONScanner, depth: Int, left: inout Int
    ) throws(JSONFault) -> X402Value {
        left -= 1
        guard depth <= deepest, left >= 0 else { throw .tooDeep }
        switch try scanner.peek() {
        case 0x22: return .text(try scanner.string())
        case 0x7B: return .object(try members(&scanner, depth, &left))
        case 0x5B: return .list(try items(&scanner, depth, &left))
        default: return try scalar(&scanner)
        }
    }

    private static func members(
        _ scanner: inout JSONScanner, _ depth: Int, _ left: inout Int
    ) throws(JSONFault) -> [String: X402Value] {
        var found: [String: X402Value] = [:]
        try scanner.object { (scanner, key) throws(JSONFault) in
            let raw = UnsafeRawBufferPointer(rebasing: scanner.bytes[key])
            let name = try JSONText.unescape(raw, escaped: raw.contains(0x5C))
            let value = try read(&scanner, depth: depth + 1, left: &left)
            guard found.updateValue(value, forKey: name) == nil else { throw .duplicateKey }
        }
        return found
    }

    private static func items(
        _ scanner: inout JSONScanner, _ depth: Int, _ left: inout Int
    ) throws(JSONFault) -> [X402Value] {
        var found: [X402Value] = []
        try scanner.expect(0x5B)
        if try scanner.peek() == 0x5D {
            try scanner.expect(0x5D)
            return found
        }
        while true {
            found.append(try read(&scanner, depth: depth + 1, left: &left))
            if try scanner.peek() == 0x5D {
                try scanner.expect(0x5D)
                return found
            }
            try scanner.expect(0x2C)
        }
    }

    private static func scalar(_ scanner: inout JSONScanner) throws(JSONFault) -> X402Value {
        let range = try scanner.skip()
        let word = String(decoding: scanner.bytes[range], as: UTF8.self)
        switch word {
        case "null": return .null
        case "true": return .flag(true)
        case "false": return .flag(false)
        default:
            guard isNumber(Array(word.utf8)) else { throw .badNumber }
            return .number(word)
        }
    }

    /// RFC 8259, section 6, and at most 40 characters.
    private static func isNumber(_ text: [UInt8]) -> Bool {
        guard text.count <= 40 else { return false }
        var rest = text[...]
        func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == 0x2D { rest = rest.dropFirst() }
        let leadsWithZero = rest.first == 0x30
        let whole = digits(&rest)
        guard whole > 0, whole == 1 || !leadsWithZero else { return false }
        if rest.first == 0x2E {
            rest = rest.dropFirst()
            guard digits(&rest) > 0 else { return false }
        }
        if let mark = rest.first, mark == 0x65 || mark == 0x45 {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == 0x2B || sign == 0x2D { rest = rest.dropFirst() }
            guard digits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }

    /// The value as JSON, members in the order of their names.
    public var json: [UInt8] {
        var writer = JSONWriter()
        write(&writer)
        return writer.bytes
    }

    private func write(_ writer: inout JSONWriter) {
        switch self {
        case .null: writer.literal("null")
        case .flag(let flag): writer.literal(flag ? "true" : "false")
        case .number(let digits): writer.raw(digits.utf8)
        case .text(let text): writer.string(text)
        case .list(let items):
            writer.literal("[")
            for (index, item) in items.enumerated() {
                if index > 0 { writer.literal(",") }
                item.write(&writer)
            }
            writer.literal("]")
        case .object(let members):
            writer.literal("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { writer.literal(",") }
                writer.string(member.key)
                writer.literal(":")
                member.value.write(&writer)
            }
            writer.literal("}")
        }
    }

    /// A whole number that fits, or nothing.
    public var integer: Int64? {
        guard case .number(let digits) = self else { return nil }
        return Int64(digits)
    }

    static func number(_ value: Int64) -> X402Value { .number(String(value)) }
}
