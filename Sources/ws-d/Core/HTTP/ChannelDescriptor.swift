// The descriptor under a channel: a copy of it for the next process, and a look at what nobody has read.
// It must never take a byte out of it. Call it on the channel's event loop.

import Glibc
import NIOCore

extension Channel {
    /// A copy that outlives the channel, closed at exec; nil when there is none to be had.
    func descriptorCopy() -> Int32? {
        guard let copy = withDescriptor({ fcntl($0, F_DUPFD_CLOEXEC, 0) }), copy >= 0 else { return nil }
        return copy
    }

    /// Whether bytes have come that nobody has read.
    var hasUnread: Bool {
        var byte: UInt8 = 0
        return withDescriptor { recv($0, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) } == 1
    }

    private func withDescriptor<Result>(_ body: (Int32) -> Result) -> Result? {
        // In two steps: an optional of an optional would hide which of them there was none of.
        let found = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: Int32.self, body)
        return found ?? nil
    }
}
