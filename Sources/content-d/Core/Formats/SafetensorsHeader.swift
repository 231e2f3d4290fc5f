// The header of a safetensors file: how many tensors of which type, and where the last one ends. Pure.
// It must never accept a header longer than its limit, nor offsets that overlap the header.

import Wire

/// What a safetensors file says of itself.
struct SafetensorsHeader: Hashable, Sendable {
    /// The longest header read, in bytes; the format allows 100 MB.
    static let longest: UInt64 = 32 * 1024 * 1024

    var tensors: Int
    /// The type of most tensors, as `BF16`.
    var dtype: String?
    /// Texts under `__metadata__`, those of up to 256 bytes, 64 at most.
    var notes: [String: String]
    /// Where the last tensor ends, in bytes from the file's start.
    var end: UInt64

    /// - Returns: whether the first bytes could be those of such a file of `size` bytes.
    static func isLikely(_ bytes: UnsafeRawBufferPointer, size: UInt64) -> Bool {
        guard bytes.count > 9, size > 9, bytes[8] == UInt8(ascii: "{") else { return false }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        return length >= 2 && length <= longest && length <= size - 8
    }

    /// Reads a header from the file's first bytes.
    init(_ bytes: UnsafeRawBufferPointer) throws(HeaderFault) {
        var reader = ByteReader(bytes)
        let length = try reader.integer(UInt64.self, "the header's length")
        guard length <= Self.longest else { throw reader.fault("the header claims \(length) bytes") }
        let start = reader.offset
        var scan = Scan()
        do {
            var scanner = JSONScanner(try reader.take(length, "the header"))
            try scanner.validate()
            try scanner.expectEnd()
            scanner = JSONScanner(scanner.bytes)
            try scan.header(&scanner)
        } catch let fault as HeaderFault {
            throw fault
        } catch {
            throw HeaderFault(offset: start, reason: "the header is not the JSON of safetensors: \(error)")
        }
        tensors = scan.tensors
        dtype = scan.types.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        notes = scan.notes
        let (sum, over) = scan.end.addingReportingOverflow(8 + length)
        guard !over else { throw HeaderFault(offset: start, reason: "a tensor lies impossibly far") }
        end = sum
    }

    /// What is gathered while the JSON is read once.
    private struct Scan {
        var tensors = 0
        var types: [String: Int] = [:]
        var notes: [String: String] = [:]
        var end: UInt64 = 0

        mutating func header(_ scanner: inout JSONScanner) throws(JSONFault) {
            var found = self
            try scanner.object { (s, key) throws(JSONFault) in
                if s.matches(key, "__metadata__") {
                    try found.metadata(&s)
                } else {
                    try found.tensor(&s)
                }
            }
            self = found
        }

        private mutating func metadata(_ scanner: inout JSONScanner) throws(JSONFault) {
            var found = notes
            try scanner.object { (s, key) throws(JSONFault) in
                let name = try JSONText.unescape(
                    UnsafeRawBufferPointer(rebasing: s.bytes[key]), escaped: true)
                let value = try s.string()
                if found.count < 64, name.utf8.count <= 256, value.utf8.count <= 256 { found[name] = value }
            }
            notes = found
        }

        private mutating func tensor(_ scanner: inout JSONScanner) throws(JSONFault) {
            var type: String?
            var range: (from: UInt64, to: UInt64)?
            try scanner.object { (s, key) throws(JSONFault) in
                if s.matches(key, "dtype") {
                    type = try s.string()
                } else if s.matches(key, "data_offsets") {
                    try s.expect(UInt8(ascii: "["))
                    let from = try s.unsigned()
                    try s.expect(UInt8(ascii: ","))
                    range = (from, try s.unsigned())
                    try s.expect(UInt8(ascii: "]"))
                } else {
                    _ = try s.skip()
                }
            }
            guard let type, type.utf8.count <= 32, let range, range.from <= range.to else {
                throw .unexpected(at: scanner.position)
            }
            tensors += 1
            // A file with thousands of made-up types is no reason to remember them all.
            if types.count < 64 || types[type] != nil { types[type, default: 0] += 1 }
            end = max(end, range.to)
        }
    }
}
