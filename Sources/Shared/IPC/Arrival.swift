// A look for bytes that arrive on a channel, without sleeping and without reading them.
// It must never take longer than it was told to: the loop stands still meanwhile.

import Glibc
import NIOCore

enum Arrival {
    /// Whether bytes are there within so long; false also for a channel that has no descriptor. On the channel's event loop.
    static func happens(on channel: any Channel, within patience: TimeAmount) -> Bool {
        let end = NIODeadline.now() + patience
        let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: Int32.self) {
            var entry = pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            repeat { if poll(&entry, 1, 0) > 0 { return true } } while NIODeadline.now() < end
            return false
        }
        return found == true
    }
}
