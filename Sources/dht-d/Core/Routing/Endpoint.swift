// An IPv4 address with a UDP port, in BEP 5's compact form and in text.
// It must never be taken from a packet's body without `isUsable`, or a peer could aim us at anybody.

/// Where a node is reached over UDP. IPv6 (BEP 32) is not spoken yet.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The IPv4 address as a number, first octet highest.
    public let address: UInt32
    /// The UDP port.
    public let port: UInt16

    /// An endpoint from its numbers.
    public init(address: UInt32, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `a.b.c.d:port`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
        let octets = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        guard octets.count == 4 else { return nil }
        var address: UInt32 = 0
        for octet in octets {
            guard let value = UInt8(octet) else { return nil }
            address = address << 8 | UInt32(value)
        }
        self.init(address: address, port: port)
    }

    /// Reads BEP 5's six bytes; nil for another count.
    public init?(compact bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        let number = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(address: UInt32(number >> 16), port: UInt16(truncatingIfNeeded: number))
    }

    /// BEP 5's six bytes.
    public var compact: [UInt8] {
        [
            UInt8(address >> 24), UInt8(address >> 16 & 255), UInt8(address >> 8 & 255), UInt8(address & 255),
            UInt8(port >> 8), UInt8(port & 255),
        ]
    }

    /// The /24 that the address lies in.
    public var group: UInt32 { address >> 8 }

    /// Loopback, private or link-local: addresses that no stranger on the internet can have.
    public var isLocal: Bool {
        let top = address >> 24
        return top == 127 || top == 10 || address >> 20 == 0xAC1 || address >> 16 == 0xC0A8
            || address >> 16 == 0xA9FE
    }

    /// Whether a packet may be sent there at all: a unicast address and a port.
    public var isUsable: Bool {
        let top = address >> 24
        return port != 0 && top != 0 && top < 224
    }

    /// `a.b.c.d:port`.
    public var description: String {
        "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255):\(port)"
    }
}
