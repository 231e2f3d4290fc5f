// Ids that follow from an address (BEP 42), so that nobody can choose where in the key space he is.
// It must never be demanded of addresses that many share or that no stranger can have.

extension NodeID {
    /// An id that `address` entitles to: its first 21 bits follow from the address and `salt` (0…7 count).
    public static func bound(
        to address: IPAddress, salt: UInt8, using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        var bytes = NodeID.random(using: &generator).bytes
        let sum = checksum(address, salt)
        bytes[0] = UInt8(sum >> 24)
        bytes[1] = UInt8(sum >> 16 & 0xFF)
        bytes[2] = UInt8(sum >> 8 & 0xF8) | bytes[2] & 7
        bytes[19] = salt
        return NodeID(truncating: bytes)
    }

    /// Whether the id is one that `address` entitles to; local addresses entitle to any.
    public func isBound(to endpoint: Endpoint) -> Bool {
        if endpoint.isLocal { return true }
        let own = bytes
        let sum = Self.checksum(endpoint.address, own[19])
        return own[0] == UInt8(sum >> 24) && own[1] == UInt8(sum >> 16 & 0xFF)
            && own[2] & 0xF8 == UInt8(sum >> 8 & 0xF8)
    }

    /// Over the bits of an address that cost most to choose: of IPv6 only the first half counts.
    private static func checksum(_ address: IPAddress, _ salt: UInt8) -> UInt32 {
        if let v4 = address.v4 {
            let masked = v4 & 0x030F_3FFF | UInt32(salt & 7) << 29
            return castagnoli([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: masked >> $0) })
        }
        let masked = address.high & 0x0103_070F_1F3F_7FFF | UInt64(salt & 7) << 61
        return castagnoli([56, 48, 40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: masked >> $0) })
    }

    /// CRC-32C, bit by bit: four or eight bytes are not worth a table.
    static func castagnoli(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
        }
        return ~sum
    }
}
