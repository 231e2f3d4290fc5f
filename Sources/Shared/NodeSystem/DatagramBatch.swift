// UDP packets that leave together. A packet that cannot be sent is a packet lost, and nothing else happens.
// It must never hold packets for longer than its owner's turn, wait for room, or fail.

import CHost
import Glibc

/// Packets to addresses of one family, sent with as few system calls as there can be.
public struct DatagramBatch: Sendable {
    private let family: Int32
    private var bytes: [UInt8] = []
    private var each: [chost_datagram] = []

    /// With so many it has to be sent before the next is added.
    public static let most = Int(CHOST_MAX_DATAGRAMS)

    /// A batch for a socket of IPv6, or else of IPv4.
    public init(isV6: Bool = false) { family = isV6 ? AF_INET6 : AF_INET }

    public var isEmpty: Bool { each.isEmpty }
    public var isFull: Bool { each.count >= Self.most }

    /// Adds a packet; one that no datagram can hold, or one too many, is left out. The address is in two halves, first byte
    /// highest; of an IPv4 address the last 32 bits count.
    public mutating func add(_ packet: [UInt8], high: UInt64 = 0, low: UInt64, port: UInt16) {
        guard let size = UInt16(exactly: packet.count), !isFull else { return }
        bytes += packet
        each.append(chost_datagram(high: high, low: low, port: port, size: size))
    }

    /// Sends them all and is empty again.
    ///
    /// - Returns: how many could not be sent.
    public mutating func send(on descriptor: Int32) -> Int {
        let sent = chost_send_datagrams(descriptor, family, bytes, each, Int32(each.count))
        defer {
            bytes.removeAll(keepingCapacity: true)
            each.removeAll(keepingCapacity: true)
        }
        return each.count - max(0, Int(sent))
    }
}
