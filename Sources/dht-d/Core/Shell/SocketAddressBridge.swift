// Between NIO's socket addresses and the core's endpoints, reading the bytes of Linux's sockaddr_in and sockaddr_in6.
// It must never let a packet through that came by another family than its socket's: the answer would leave by the other.

import NIOCore

extension Endpoint {
    /// The endpoint of an address of one family; nil for any other.
    init?(_ address: SocketAddress, _ family: AddressFamily) {
        switch (address, family) {
        case (.v4(let v4), .v4):
            // Family (2 bytes), port (2), address (4), all but the family in network order.
            self.init(compact: withUnsafeBytes(of: v4.address) { Array($0[4..<8]) + Array($0[2..<4]) })
        case (.v6(let v6), .v6):
            // Family (2), port (2), flow (4), address (16), scope (4).
            self.init(compact: withUnsafeBytes(of: v6.address) { Array($0[8..<24]) + Array($0[2..<4]) })
        default: return nil
        }
    }
}
