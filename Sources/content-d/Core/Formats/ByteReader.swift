// A cursor over the head of a file that somebody else made. Pure.
// It must never read, nor allocate, beyond what is there.

/// Why a header cannot be read.
struct HeaderFault: Error, Hashable, CustomStringConvertible {
    /// Where in the file, in bytes.
    var offset: Int
    var reason: String
    /// Whether the header may go on beyond the bytes that were looked at.
    var outOfBytes = false
    var description: String { "\(reason) (byte \(offset))" }
}

/// A bounds-checked little-endian reader.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func fault(_ reason: String) -> HeaderFault { HeaderFault(offset: offset, reason: reason) }

    /// Moves on by `count` bytes and gives where they are.
    mutating func take(_ count: UInt64, _ what: String) throws(HeaderFault) -> UnsafeRawBufferPointer {
        guard count <= UInt64(bytes.count - offset) else {
            throw HeaderFault(offset: offset, reason: "the header ends within \(what)", outOfBytes: true)
        }
        let end = offset + Int(count)
        defer { offset = end }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
    }

    /// The next little-endian integer.
    mutating func integer<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws(HeaderFault) -> T {
        T(littleEndian: try take(UInt64(MemoryLayout<T>.size), what).loadUnaligned(as: T.self))
    }

    /// A string whose 64-bit length stands before it.
    mutating func string(_ what: String, longest: UInt64) throws(HeaderFault) -> String {
        let length = try integer(UInt64.self, what)
        guard length <= longest else { throw fault("\(what) claims \(length) bytes") }
        let raw = try take(length, what)
        guard let text = String(validating: raw, as: UTF8.self) else { throw fault("\(what) is not UTF-8") }
        return text
    }
}
