// An IP address with a UDP port, in the compact forms of BEP 5 and BEP 32 and in text.
// It must never be taken from a packet's body without `isUsable`, or a peer could aim us at anybody.

/// Where a node is reached over UDP.
public struct Endpoint: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The address.
    public let address: IPAddress
    /// The UDP port.
    public let port: UInt16

    /// An endpoint from its parts.
    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// An IPv4 endpoint from its numbers, first octet highest.
    public init(address: UInt32, port: UInt16) { self.init(IPAddress(v4: address), port: port) }

    /// Reads `a.b.c.d:port` or `[IPv6]:port`; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard host.contains(":") == isBracketed, let address = IPAddress(String(host)) else { return nil }
        self.init(address, port: port)
    }

    /// Reads BEP 5's six bytes or BEP 32's eighteen; nil for another count, or for IPv4 among the eighteen.
    public init?(compact bytes: some Collection<UInt8>) {
        if bytes.count == AddressFamily.v4.compactCount {
            let number = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(address: UInt32(number >> 16), port: UInt16(truncatingIfNeeded: number))
            return
        }
        guard bytes.count == AddressFamily.v6.compactCount else { return nil }
        var words: (UInt64, UInt64, UInt16) = (0, 0, 0)
        for (index, byte) in bytes.enumerated() {
            switch index {
            case ..<8: words.0 = words.0 << 8 | UInt64(byte)
            case ..<16: words.1 = words.1 << 8 | UInt64(byte)
            default: words.2 = words.2 << 8 | UInt16(byte)
            }
        }
        guard let address = IPAddress(v6: words.0, words.1) else { return nil }
        self.init(address, port: words.2)
    }

    /// BEP 5's six bytes, or BEP 32's eighteen.
    public var compact: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(family.compactCount)
        append(to: &out)
        return out
    }

    /// Writes the compact form behind others.
    func append(to out: inout [UInt8]) {
        if let v4 = address.v4 {
            withUnsafeBytes(of: v4.bigEndian) { out.append(contentsOf: $0) }
        } else {
            withUnsafeBytes(of: address.high.bigEndian) { out.append(contentsOf: $0) }
            withUnsafeBytes(of: address.low.bigEndian) { out.append(contentsOf: $0) }
        }
        withUnsafeBytes(of: port.bigEndian) { out.append(contentsOf: $0) }
    }

    /// The network that it belongs to.
    public var family: AddressFamily { address.family }

    /// The range of one landlord: a /24 or a /48.
    public var group: UInt64 { address.range }

    /// The /64 inside it; nil for IPv4.
    public var home: UInt64? { address.home }

    /// Loopback, private or link-local: addresses that no stranger on the internet can have.
    public var isLocal: Bool { address.isLocal }

    /// Whether a packet may be sent there at all: a unicast address and a port.
    public var isUsable: Bool { port != 0 && address.isUsable }

    /// `a.b.c.d:port` or `[IPv6]:port`.
    public var description: String {
        family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }

    /// By address and port, for an order that can be replayed.
    public static func < (left: Endpoint, right: Endpoint) -> Bool {
        left.address == right.address
            ? left.port < right.port : IPAddress.precedes(left.address, right.address)
    }
}
