// A decoded bencode value (BEP 3), as slices of the packet it came from.
// It must never copy or own more than the packet: whoever keeps a value past the packet copies the bytes.

/// One bencode value. Byte strings are slices of the decoded input.
public enum BValue: Equatable, Sendable {
    case integer(Int64)
    case bytes(ArraySlice<UInt8>)
    case list([BValue])
    /// Entries in strictly ascending key order, as the decoder demands.
    case dictionary([BEntry])
}

/// One key and its value in a bencode dictionary.
public struct BEntry: Equatable, Sendable {
    /// The raw key.
    public let key: ArraySlice<UInt8>
    /// The value under the key.
    public let value: BValue
    /// The bytes of the value, its only canonical encoding.
    public let encoded: ArraySlice<UInt8>
}

extension BValue {
    /// The value under `key`, or nil when this is no dictionary or has no such key.
    public subscript(key: StaticString) -> BValue? { entry(key)?.value }

    /// The entry called `key`, or nil when this is no dictionary or has no such key.
    public func entry(_ key: StaticString) -> BEntry? {
        guard case .dictionary(let entries) = self else { return nil }
        let length = key.utf8CodeUnitCount
        for entry in entries where entry.key.count == length {
            let name = UnsafeBufferPointer(start: key.utf8Start, count: length)
            if entry.key.elementsEqual(name) { return entry }
        }
        return nil
    }

    /// The integer, when this is one.
    public var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    /// The byte string, when this is one.
    public var bytes: ArraySlice<UInt8>? {
        guard case .bytes(let value) = self else { return nil }
        return value
    }

    /// The list, when this is one.
    public var list: [BValue]? {
        guard case .list(let value) = self else { return nil }
        return value
    }
}
