// Recursive length prefixes: byte strings and lists of them, as Ethereum serializes transactions.
// It must never accept a second spelling: what decodes is exactly what encoding gives.

/// Why bytes are not RLP.
public enum RLPError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end inside an item.
    case truncated
    /// Bytes follow the item.
    case trailing
    /// A length or a single byte is not written in its shortest form.
    case notCanonical
    /// Lists lie in lists deeper than `RLP.deepest`.
    case tooDeep

    public var description: String {
        switch self {
        case .truncated: "the RLP ends inside an item"
        case .trailing: "bytes follow the RLP item"
        case .notCanonical: "an RLP length is not in its shortest form"
        case .tooDeep: "the RLP nests more than \(RLP.deepest) lists"
        }
    }
}

/// An RLP item.
public enum RLP: Hashable, Sendable {
    case bytes([UInt8])
    case list([RLP])

    /// How many lists may lie in one another.
    public static let deepest = 16

    /// A number: big-endian without leading zeros.
    public static func number(_ value: UInt256) -> RLP { .bytes(value.minimalBytes) }
    public static func number(_ value: UInt64) -> RLP { number(UInt256(value)) }

    /// The bytes of the item.
    public var encoded: [UInt8] {
        switch self {
        case .bytes(let bytes):
            if bytes.count == 1, bytes[0] < 0x80 { return bytes }
            return Self.header(bytes.count, short: 0x80) + bytes
        case .list(let items):
            let content = items.flatMap(\.encoded)
            return Self.header(content.count, short: 0xC0) + content
        }
    }

    /// The one item in `bytes`.
    public init(decoding bytes: some Collection<UInt8>) throws(RLPError) {
        var rest = Array(bytes)[...]
        self = try Self.item(&rest, depth: 0)
        guard rest.isEmpty else { throw .trailing }
    }

    private static func header(_ count: Int, short: UInt8) -> [UInt8] {
        if count < 56 { return [short + UInt8(count)] }
        let length = UInt256(UInt64(count)).minimalBytes
        return [short + 55 + UInt8(length.count)] + length
    }

    private static func item(_ rest: inout ArraySlice<UInt8>, depth: Int) throws(RLPError) -> RLP {
        guard let first = rest.popFirst() else { throw .truncated }
        switch first {
        case ..<0x80: return .bytes([first])
        case ..<0xC0:
            let bytes = try take(&rest, first - 0x80)
            if bytes.count == 1, let only = bytes.first, only < 0x80 { throw .notCanonical }
            return .bytes(Array(bytes))
        default:
            guard depth < deepest else { throw .tooDeep }
            var content = try take(&rest, first - 0xC0)
            var items: [RLP] = []
            while !content.isEmpty { items.append(try item(&content, depth: depth + 1)) }
            return .list(items)
        }
    }

    /// The content whose length is given by `code`: itself up to 55, else that of the length's bytes.
    private static func take(_ rest: inout ArraySlice<UInt8>, _ code: UInt8) throws(RLPError)
        -> ArraySlice<UInt8>
    {
        var count = Int(code)
        if code > 55 {
            let width = Int(code) - 55
            guard rest.count >= width else { throw .truncated }
            let length = rest.prefix(width)
            rest = rest.dropFirst(width)
            guard length.first != 0 else { throw .notCanonical }
            guard let value = UInt256(bytes: length)?.exactInt64 else { throw .truncated }
            guard value > 55 else { throw .notCanonical }
            count = Int(value)
        }
        guard rest.count >= count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
