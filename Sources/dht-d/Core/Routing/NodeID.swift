// A Kademlia id: 160 bits naming a node or a place in the key space (BEP 5), with the XOR metric.
// It must never be compared by anything but XOR distance, nor be trusted as proof of who a node is.

import NodeModel

/// 160 bits, most significant first.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let middle: UInt64
    private let low: UInt32

    /// The number of bytes in an id.
    public static let byteCount = 20
    /// The number of bits in an id.
    public static let bitCount = 160

    private init(_ high: UInt64, _ middle: UInt64, _ low: UInt32) {
        self.high = high
        self.middle = middle
        self.low = low
    }

    /// - Returns: nil unless there are exactly 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(truncating: bytes)
    }

    /// The id made of the first 20 bytes of a hash.
    init(truncating hash: some Sequence<UInt8>) {
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        for (index, byte) in hash.prefix(Self.byteCount).enumerated() {
            if index < 8 {
                words.0 = words.0 << 8 | UInt64(byte)
            } else if index < 16 {
                words.1 = words.1 << 8 | UInt64(byte)
            } else {
                words.2 = words.2 << 8 | UInt32(byte)
            }
        }
        self.init(words.0, words.1, words.2)
    }

    /// An id drawn from `generator`.
    public static func random(using generator: inout some RandomNumberGenerator) -> NodeID {
        let (first, second, third) = (generator.next(), generator.next(), generator.next())
        return NodeID(first, second, UInt32(truncatingIfNeeded: third))
    }

    /// The 20 bytes, most significant first.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.byteCount)
        append(to: &out)
        return out
    }

    /// Writes the 20 bytes behind others.
    func append(to out: inout [UInt8]) {
        withUnsafeBytes(of: high.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: middle.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: low.bigEndian) { out.append(contentsOf: $0) }
    }

    /// The XOR distance to `other`, ordered as an unsigned number.
    public func distance(to other: NodeID) -> NodeID {
        NodeID(high ^ other.high, middle ^ other.middle, low ^ other.low)
    }

    /// How many leading bits both ids share, 0...160.
    public func sharedPrefix(with other: NodeID) -> Int {
        let apart = distance(to: other)
        if apart.high != 0 { return apart.high.leadingZeroBitCount }
        if apart.middle != 0 { return 64 + apart.middle.leadingZeroBitCount }
        return 128 + apart.low.leadingZeroBitCount
    }

    /// A random id that shares exactly `length` leading bits with this one (0...159).
    public func randomNeighbour(
        sharing length: Int, using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        let random = NodeID.random(using: &generator).bytes
        var out = bytes
        for index in out.indices {
            let keep = max(0, min(8, length - index * 8))
            let mask = keep == 8 ? UInt8(0xFF) : ~(UInt8(0xFF) >> keep)
            out[index] = out[index] & mask | random[index] & ~mask
        }
        let bit = UInt8(0x80) >> (length % 8)
        let own = bytes[length / 8] & bit
        out[length / 8] = out[length / 8] & ~bit | (own ^ bit)
        return NodeID(truncating: out)
    }

    /// Ordered as an unsigned number.
    public static func < (left: NodeID, right: NodeID) -> Bool {
        if left.high != right.high { return left.high < right.high }
        if left.middle != right.middle { return left.middle < right.middle }
        return left.low < right.low
    }

    /// 40 lower-case hexadecimal characters.
    public var description: String { Hex.encode(bytes) }
}
