// The strict bencode decoder (BEP 3): one canonical spelling per value, bounded depth, values and size.
// It must never allocate by a length that the input claims; every length is checked against what is there.

import NodeModel

/// What a decoder accepts at most.
public struct BencodeLimits: Sendable {
    /// Largest input in bytes.
    public var size: Int
    /// Deepest nesting; a bare value has depth 1.
    public var depth: Int
    /// Most values in all, containers and keys included.
    public var values: Int

    /// Limits from their numbers.
    public init(size: Int, depth: Int, values: Int) {
        self.size = size
        self.depth = depth
        self.values = values
    }

    /// Limits that fit one UDP packet of KRPC.
    public static let packet = BencodeLimits(size: 1500, depth: 8, values: 600)
    /// Limits that fit a descriptor: one event with one long text.
    public static let descriptor = BencodeLimits(size: ProviderDescriptor.maximumSize, depth: 8, values: 32)
    /// Limits that fit this daemon's own state file.
    public static let stateFile = BencodeLimits(size: 1 << 20, depth: 8, values: 60_000)
}

/// Decodes one value that spans the whole input.
public struct BencodeDecoder {
    private let input: ArraySlice<UInt8>
    private var position: Int
    private var valuesLeft: Int
    private let depthLimit: Int

    private init(_ input: ArraySlice<UInt8>, _ limits: BencodeLimits) {
        self.input = input
        position = input.startIndex
        valuesLeft = limits.values
        depthLimit = limits.depth
    }

    /// Decodes `input`, which must be exactly one canonical value.
    ///
    /// - Throws: `BencodeError` with the first rule that is broken.
    public static func decode(
        _ input: ArraySlice<UInt8>, limits: BencodeLimits = .packet
    ) throws(BencodeError) -> BValue {
        guard input.count <= limits.size else { throw .tooLarge }
        var decoder = BencodeDecoder(input, limits)
        let value = try decoder.value(depth: 1)
        guard decoder.position == input.endIndex else { throw .trailingBytes }
        return value
    }

    private func peek() throws(BencodeError) -> UInt8 {
        guard position < input.endIndex else { throw .truncated }
        return input[position]
    }

    private mutating func value(depth: Int) throws(BencodeError) -> BValue {
        guard depth <= depthLimit else { throw .tooDeep }
        switch try peek() {
        case UInt8(ascii: "i"):
            try spend()
            position += 1
            return .integer(try integer())
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .bytes(try string())
        case UInt8(ascii: "l"):
            try spend()
            position += 1
            return .list(try list(depth: depth))
        case UInt8(ascii: "d"):
            try spend()
            position += 1
            return .dictionary(try dictionary(depth: depth))
        default:
            throw .unexpectedByte
        }
    }

    private mutating func spend() throws(BencodeError) {
        guard valuesLeft > 0 else { throw .tooManyValues }
        valuesLeft -= 1
    }

    private mutating func list(depth: Int) throws(BencodeError) -> [BValue] {
        var items: [BValue] = []
        while try peek() != UInt8(ascii: "e") { items.append(try value(depth: depth + 1)) }
        position += 1
        return items
    }

    private mutating func dictionary(depth: Int) throws(BencodeError) -> [BEntry] {
        var entries: [BEntry] = []
        while true {
            let next = try peek()
            if next == UInt8(ascii: "e") { break }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) else { throw .keyNotString }
            let key = try string()
            if let last = entries.last, !last.key.lexicographicallyPrecedes(key) { throw .keysNotSorted }
            let start = position
            let value = try value(depth: depth + 1)
            entries.append(BEntry(key: key, value: value, encoded: input[start..<position]))
        }
        position += 1
        return entries
    }

    /// Reads digits up to `end`, refusing leading zeros and anything beyond `ceiling`.
    private mutating func digits(until end: UInt8, ceiling: UInt64, or error: BencodeError)
        throws(BencodeError)
        -> UInt64
    {
        let start = position
        var value: UInt64 = 0
        while true {
            let byte = try peek()
            if byte == end { break }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw error }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry, sum <= ceiling else { throw error }
            value = sum
            position += 1
        }
        let length = position - start
        guard length > 0, length == 1 || input[start] != UInt8(ascii: "0") else { throw error }
        position += 1
        return value
    }

    private mutating func integer() throws(BencodeError) -> Int64 {
        let negative = try peek() == UInt8(ascii: "-")
        if negative { position += 1 }
        let ceiling: UInt64 = negative ? 1 << 63 : (1 << 63) - 1
        let magnitude = try digits(until: UInt8(ascii: "e"), ceiling: ceiling, or: .badInteger)
        guard negative else { return Int64(magnitude) }
        guard magnitude != 0 else { throw .badInteger }
        return magnitude == 1 << 63 ? Int64.min : -Int64(magnitude)
    }

    private mutating func string() throws(BencodeError) -> ArraySlice<UInt8> {
        try spend()
        let claimed = try digits(until: UInt8(ascii: ":"), ceiling: UInt64(Int32.max), or: .badLength)
        guard Int(claimed) <= input.endIndex - position else { throw .truncated }
        let bytes = input[position..<(position + Int(claimed))]
        position += Int(claimed)
        return bytes
    }
}
