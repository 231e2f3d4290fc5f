// An IP address of either family as one value: what its range is, and who may have it at all.
// It must never let an IPv4 address in the clothes of IPv6 through, nor an address that stands for another one.

import Glibc

/// The two networks of the DHT (BEP 32).
public enum AddressFamily: Int, CaseIterable, Sendable {
    case v4, v6

    /// The number of bytes of an address with its port in BEP 5's and BEP 32's compact form.
    public var compactCount: Int { self == .v4 ? 6 : 18 }

    /// As people and metrics call it.
    public var name: String { self == .v4 ? "IPv4" : "IPv6" }
}

/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The first 64 bits of an IPv6 address: the network of one household or machine. 0 for IPv4.
    public let high: UInt64
    /// The last 64 bits; an IPv4 address lies where RFC 4291 maps it (`::ffff:a.b.c.d`), and no IPv6 address does.
    public let low: UInt64

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address as a number, first octet highest.
    public init(v4 number: UInt32) { self.init(high: 0, low: Self.mapped | UInt64(number)) }

    /// An IPv6 address from its halves; nil for one that stands for an IPv4 address.
    public init?(v6 high: UInt64, _ low: UInt64) {
        guard high != 0 || low >> 32 != Self.mapped >> 32 else { return nil }
        self.init(high: high, low: low)
    }

    /// Reads `a.b.c.d` or an IPv6 address without brackets and without a zone; nil for anything else.
    public init?(_ text: String) {
        guard text.contains(":") else {
            let octets = text.split(separator: ".", omittingEmptySubsequences: false)
            guard octets.count == 4 else { return nil }
            var number: UInt32 = 0
            for octet in octets {
                guard let value = UInt8(octet) else { return nil }
                number = number << 8 | UInt32(value)
            }
            self.init(v4: number)
            return
        }
        var parsed = in6_addr()
        guard text.utf8.count < 46, inet_pton(AF_INET6, text, &parsed) == 1 else { return nil }
        let words = withUnsafeBytes(of: &parsed) { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        self.init(v6: UInt64(bigEndian: words.0), UInt64(bigEndian: words.1))
    }

    private static let mapped: UInt64 = 0xFFFF_0000_0000

    /// The family.
    public var family: AddressFamily { high == 0 && low >> 32 == Self.mapped >> 32 ? .v4 : .v6 }

    /// The IPv4 address as a number; nil for IPv6.
    public var v4: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// The range that one landlord has at least: a /24 of IPv4, a /48 of IPv6. These are the smallest that the internet's
    /// routers carry, so that who has many is known to many; and who rents one machine has 2^16 or more networks of IPv6.
    public var range: UInt64 {
        if let v4 { return UInt64(v4 >> 8) }
        return high >> 16 | 1 << 63
    }

    /// The network of one household or machine inside a range, a /64; nil for IPv4, where an address has no room below it.
    public var home: UInt64? { family == .v4 ? nil : high }

    /// What the world can see of an address that changes: a machine takes a new one in its /64 every day (RFC 8981).
    public var lasting: IPAddress { family == .v4 ? self : IPAddress(high: high, low: 0) }

    /// Loopback, private or link-local: addresses that no stranger on the internet can have.
    public var isLocal: Bool {
        guard let v4 else { return high >> 57 == 0xFC >> 1 || (high == 0 && low == 1) }
        let top = v4 >> 24
        return top == 127 || top == 10 || v4 >> 20 == 0xAC1 || v4 >> 16 == 0xC0A8 || v4 >> 16 == 0xA9FE
    }

    /// Whether a packet may be sent there at all: a unicast address. Of IPv6 only what is given out (2000::/3, RFC 4291),
    /// private networks and loopback; but not 6to4 and Teredo, where every IPv4 address has whole networks of IPv6, nor
    /// link-local addresses, which mean nothing without a zone.
    public var isUsable: Bool {
        guard let v4 else {
            return (high >> 61 == 1 && high >> 48 != 0x2002 && high >> 32 != 0x2001_0000) || isLocal
        }
        return v4 >> 24 != 0 && v4 >> 24 < 224
    }

    /// `a.b.c.d`, or IPv6 as RFC 5952 writes it.
    public var description: String {
        if let v4 { return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)" }
        var bytes = (high.bigEndian, low.bigEndian)
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// One word is enough for IPv4.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(low)
        if high != 0 { hasher.combine(high) }
    }

    /// Ordered as numbers, IPv4 first.
    static func precedes(_ left: IPAddress, _ right: IPAddress) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
