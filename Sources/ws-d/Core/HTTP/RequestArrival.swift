// Tells whether more bytes came over a connection than the requests that ended are made of: the decoder may hold a piece of
// another, which nobody sees. Pure. It must never take a connection for empty that may not be.

import Glibc
import NIOCore

/// The bytes of one connection, request by request.
struct RequestArrival {
    /// Raw bytes since the last request ended, and those of its head when they came in one piece.
    private var raw = 0
    private var head: Int?
    /// Whether the decoder may hold what no request has ended with.
    private(set) var holdsMore = false

    /// A request begins with these bytes; `add` counts them.
    mutating func begin(with bytes: ByteBuffer) {
        raw = 0
        head = Self.headLength(bytes)
    }

    mutating func add(_ count: Int) { raw += count }

    /// A request ended, with a body of so many bytes.
    mutating func end(body: Int) {
        if head.map({ $0 + body }) != raw { holdsMore = true }
    }

    /// The length of a request's head that is here whole; nil when it is not.
    private static func headLength(_ bytes: ByteBuffer) -> Int? {
        bytes.withUnsafeReadableBytes { all in
            var from = 0
            while from + 4 <= all.count, let base = all.baseAddress,
                let found = memchr(base + from, 0x0D, all.count - from - 3)
            {
                let at = UnsafeRawPointer(found) - base
                if all[at + 1] == 0x0A, all[at + 2] == 0x0D, all[at + 3] == 0x0A { return at + 4 }
                from = at + 1
            }
            return nil
        }
    }
}
