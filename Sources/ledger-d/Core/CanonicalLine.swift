// Canonical JSON of one flat object, written member by member: what every transfer hashes, without an encoder's detours.
// It must never write other bytes than CanonicalJSON would: what needs an escape is left to it, and a test compares them.

import NodeModel

/// An object under construction; its members must be added in the order of their keys.
struct CanonicalLine {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]
    private static let integers = -(Int64(1) << 53 - 1)...(Int64(1) << 53 - 1)

    init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// The object, closed.
    var closed: [UInt8] { bytes + [UInt8(ascii: "}")] }

    mutating func add(_ key: StaticString, _ value: String) throws(CanonicalJSONError) {
        begin(key)
        try quote(value)
    }

    mutating func add(_ key: StaticString, _ value: Int64) throws(CanonicalJSONError) {
        begin(key)
        guard Self.integers.contains(value) else { throw .integerOutOfRange(offset: bytes.count) }
        bytes += String(value).utf8
    }

    mutating func add(_ key: StaticString, _ items: [CanonicalLine]) {
        begin(key)
        bytes.append(UInt8(ascii: "["))
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += item.bytes
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func begin(_ key: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes += $0 }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func quote(_ text: String) throws(CanonicalJSONError) {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        guard isPlain else {
            bytes += try CanonicalJSON.encode(text)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        bytes += text.utf8
        bytes.append(UInt8(ascii: "\""))
    }
}
