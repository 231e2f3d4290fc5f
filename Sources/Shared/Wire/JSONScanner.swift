// A bounds-checked cursor over JSON text (RFC 8259): finds where values are without building them.
// It must never allocate by a length that the text claims, nor accept what JSONDecoder would silently merge.

/// Why a text is not the JSON we accept.
public enum JSONFault: Error, Hashable, Sendable {
    case truncated
    case unexpected(at: Int)
    case tooDeep
    case duplicateKey
    case notUTF8
    case badNumber
}

/// A cursor over borrowed JSON bytes. Every read is checked against the end.
public struct JSONScanner {
    /// How deep arrays and objects may nest.
    public static let maximumDepth = 32

    public let bytes: UnsafeRawBufferPointer
    public private(set) var position = 0

    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next byte that is not white space, left unread.
    @inline(__always)
    public mutating func peek() throws(JSONFault) -> UInt8 {
        // What programs write has none.
        if position < bytes.count, bytes[position] > 0x20 { return bytes[position] }
        return try peekPastSpace()
    }

    private mutating func peekPastSpace() throws(JSONFault) -> UInt8 {
        while position < bytes.count {
            let c = bytes[position]
            guard c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 else { return c }
            position += 1
        }
        throw .truncated
    }

    /// Reads one given byte after white space.
    public mutating func expect(_ wanted: UInt8) throws(JSONFault) {
        guard try peek() == wanted else { throw .unexpected(at: position) }
        position += 1
    }

    /// Refuses anything but white space up to the end.
    public mutating func expectEnd() throws(JSONFault) {
        do { _ = try peek() } catch { return }
        throw .unexpected(at: position)
    }

    /// Whether bytes are one value of JSON, and nothing besides.
    public static func isWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var scanner = JSONScanner(bytes)
        do {
            try scanner.validate()
            try scanner.expectEnd()
            return true
        } catch { return false }
    }

    /// The bytes between the quotes of a string, and whether any escape stands in them.
    public mutating func rawString() throws(JSONFault) -> (range: Range<Int>, escaped: Bool) {
        try expect(0x22)
        let start = position
        var escaped = false
        while true {
            position = PlainRun.end(bytes, from: position)
            guard position < bytes.count else { throw .truncated }
            switch bytes[position] {
            case 0x22:
                position += 1
                return (start..<(position - 1), escaped)
            case 0x5C:
                escaped = true
                // What it escapes is part of it, whatever it is.
                position += 2
            default: throw .unexpected(at: position)
            }
        }
    }

    /// A string's value.
    public mutating func string() throws(JSONFault) -> String {
        let (range, escaped) = try rawString()
        return try JSONText.unescape(UnsafeRawBufferPointer(rebasing: bytes[range]), escaped: escaped)
    }

    /// A non-negative integer without fraction or exponent.
    public mutating func unsigned() throws(JSONFault) -> UInt64 {
        _ = try peek()
        let start = position
        var value: UInt64 = 0
        while position < bytes.count, case let c = bytes[position], c >= 0x30, c <= 0x39 {
            let (scaled, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(c - 0x30))
            guard !over, !carry else { throw .badNumber }
            value = sum
            position += 1
        }
        guard position > start else { throw .badNumber }
        return value
    }

    /// Whether the bytes of a range are this ASCII text.
    public func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for i in 0..<range.count where bytes[range.lowerBound + i] != text.utf8Start[i] { return false }
        return true
    }

    /// Visits the members of an object with the cursor at each value; the visitor must read it.
    public mutating func object(
        _ visit: (inout JSONScanner, Range<Int>) throws(JSONFault) -> Void
    ) throws(JSONFault) {
        try expect(0x7B)
        if try peek() == 0x7D {
            position += 1
            return
        }
        while true {
            let key = try rawString().range
            try expect(0x3A)
            try visit(&self, key)
            let next = try peek()
            position += 1
            if next == 0x7D { return }
            if next != 0x2C { throw .unexpected(at: position - 1) }
        }
    }

    /// Skips any value and says where it was. Keys are not compared here; see `validate`.
    public mutating func skip(depth: Int = 0) throws(JSONFault) -> Range<Int> {
        guard depth <= Self.maximumDepth else { throw .tooDeep }
        let first = try peek()
        let start = position
        switch first {
        case 0x22: _ = try rawString()
        case 0x7B:
            try object { (scanner, _) throws(JSONFault) in _ = try scanner.skip(depth: depth + 1) }
        case 0x5B: try skipArray(depth: depth)
        default: try skipScalar()
        }
        return start..<position
    }

    private mutating func skipArray(depth: Int) throws(JSONFault) {
        position += 1
        if try peek() == 0x5D {
            position += 1
            return
        }
        while true {
            _ = try skip(depth: depth + 1)
            let next = try peek()
            position += 1
            if next == 0x5D { return }
            if next != 0x2C { throw .unexpected(at: position - 1) }
        }
    }

    private mutating func skipScalar() throws(JSONFault) {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case 0x30...0x39, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x45: position += 1
            default:
                if position == start { throw .unexpected(at: start) }
                return
            }
        }
        if position == start { throw .truncated }
    }

    /// Reads one whole value, refusing objects that name a key twice at any depth.
    public mutating func validate(depth: Int = 0) throws(JSONFault) {
        guard depth <= Self.maximumDepth else { throw .tooDeep }
        switch try peek() {
        case 0x7B:
            var seen = Set<[UInt8]>()
            try object { (scanner, key) throws(JSONFault) in
                let raw = UnsafeRawBufferPointer(rebasing: scanner.bytes[key])
                let name =
                    raw.contains(0x5C) ? Array(try JSONText.unescape(raw, escaped: true).utf8) : Array(raw)
                guard seen.insert(name).inserted else { throw .duplicateKey }
                try scanner.validate(depth: depth + 1)
            }
        case 0x5B:
            position += 1
            if try peek() == 0x5D {
                position += 1
                return
            }
            while true {
                try validate(depth: depth + 1)
                let next = try peek()
                position += 1
                if next == 0x5D { return }
                if next != 0x2C { throw .unexpected(at: position - 1) }
            }
        default: _ = try skip(depth: depth)
        }
    }
}
