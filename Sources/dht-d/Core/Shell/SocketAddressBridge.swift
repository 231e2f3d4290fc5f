// Between NIO's socket addresses and the core's endpoints, reading the bytes of Linux's sockaddr_in.
// It must never let an IPv6 address through as something else: the core speaks IPv4 only.

import NIOCore

extension Endpoint {
    /// The endpoint of an IPv4 address (or of an IPv4 address mapped into IPv6); nil for any other.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let v4):
            // Family (2 bytes), port (2), address (4), all but the family in network order.
            self.init(compact: withUnsafeBytes(of: v4.address) { Array($0[4..<8]) + Array($0[2..<4]) })
        case .v6(let v6):
            // Family (2), port (2), flow (4), address (16), scope (4).
            let bytes = withUnsafeBytes(of: v6.address) { Array($0) }
            guard bytes[8..<20].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) else { return nil }
            self.init(compact: bytes[20..<24] + bytes[2..<4])
        case .unixDomainSocket: return nil
        }
    }
}
