// UDP packets that leave together. A packet that cannot be sent is a packet lost, and nothing else happens.
// It must never hold packets for longer than its owner's turn, wait for room, or fail.

import CHost

/// Packets to IPv4 addresses, sent with as few system calls as there can be.
public struct DatagramBatch: Sendable {
    private var bytes: [UInt8] = []
    private var each: [chost_datagram] = []

    /// With so many it has to be sent before the next is added.
    public static let most = Int(CHOST_MAX_DATAGRAMS)

    public init() {}

    public var isEmpty: Bool { each.isEmpty }
    public var isFull: Bool { each.count >= Self.most }

    /// Adds a packet; one that no datagram can hold, or one too many, is left out.
    public mutating func add(_ packet: [UInt8], address: UInt32, port: UInt16) {
        guard let size = UInt16(exactly: packet.count), !isFull else { return }
        bytes += packet
        each.append(chost_datagram(address: address, port: port, size: size))
    }

    /// Sends them all and is empty again.
    ///
    /// - Returns: how many could not be sent.
    public mutating func send(on descriptor: Int32) -> Int {
        let sent = chost_send_datagrams(descriptor, bytes, each, Int32(each.count))
        defer {
            bytes.removeAll(keepingCapacity: true)
            each.removeAll(keepingCapacity: true)
        }
        return each.count - max(0, Int(sent))
    }
}
