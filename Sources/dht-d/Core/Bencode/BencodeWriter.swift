// Writes bencode (BEP 3) in one pass into a byte array.
// It must never reorder: whoever writes a dictionary writes its keys in ascending order (tests decode it all).

/// An append-only bencode encoder.
public struct BencodeWriter: Sendable {
    /// What has been written so far.
    public private(set) var output: [UInt8] = []

    /// An empty writer with room for about one packet.
    public init(capacity: Int = 512) { output.reserveCapacity(capacity) }

    /// Opens a dictionary; `end()` closes it.
    public mutating func beginDictionary() { output.append(UInt8(ascii: "d")) }
    /// Opens a list; `end()` closes it.
    public mutating func beginList() { output.append(UInt8(ascii: "l")) }
    /// Closes the innermost container.
    public mutating func end() { output.append(UInt8(ascii: "e")) }

    /// Writes an integer.
    public mutating func integer(_ value: Int64) {
        output.append(UInt8(ascii: "i"))
        if value < 0 { output.append(UInt8(ascii: "-")) }
        decimal(value.magnitude)
        output.append(UInt8(ascii: "e"))
    }

    /// Writes a byte string.
    public mutating func bytes(_ value: some Collection<UInt8>) {
        decimal(UInt64(value.count))
        output.append(UInt8(ascii: ":"))
        output.append(contentsOf: value)
    }

    /// Writes a text as its UTF-8 bytes.
    public mutating func text(_ value: String) { bytes(value.utf8) }

    /// Writes a dictionary key.
    public mutating func key(_ name: StaticString) {
        bytes(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Appends what is already bencode.
    public mutating func raw(_ encoded: some Collection<UInt8>) { output.append(contentsOf: encoded) }

    /// Writes a decoded value again; for canonical input the same bytes come out.
    public mutating func value(_ value: BValue) {
        switch value {
        case .integer(let number): integer(number)
        case .bytes(let slice): bytes(slice)
        case .list(let items):
            beginList()
            for item in items { self.value(item) }
            end()
        case .dictionary(let entries):
            beginDictionary()
            for entry in entries {
                bytes(entry.key)
                self.value(entry.value)
            }
            end()
        }
    }

    private mutating func decimal(_ value: UInt64) {
        if value < 10 { return output.append(UInt8(ascii: "0") + UInt8(value)) }
        if value < 100 {
            output.append(UInt8(ascii: "0") + UInt8(value / 10))
            return output.append(UInt8(ascii: "0") + UInt8(value % 10))
        }
        output.append(contentsOf: String(value).utf8)
    }
}
