// What a connection writes: all frames of one turn of its loop leave in one write.
// It must never be touched off its loop, nor let half a frame out when a value cannot be encoded.

import NIOCore
import Wire

/// The way out of a connection.
// Touched on its channel's event loop only.
final class FrameOutlet: @unchecked Sendable {  // see above
    /// So many bytes leave before the turn is over: the other side begins with them while we go on.
    private static let burst = 16 * 1024
    /// The most memory that is kept for the next turn, in bytes.
    private static let kept = 256 * 1024

    private let channel: any Channel
    private let executor: LoopExecutor
    private var writer = JSONWriter(capacity: 4096)
    private var isAwaited = false

    init(_ channel: any Channel, _ executor: LoopExecutor) {
        self.channel = channel
        self.executor = executor
    }

    /// Writes what `encode` adds. Nothing of it leaves when it throws.
    func write(_ encode: (inout JSONWriter) throws -> Void) rethrows {
        let mark = writer.bytes.count
        do { try encode(&writer) } catch {
            writer.bytes.removeSubrange(mark...)
            throw error
        }
        if writer.bytes.count >= Self.burst { send() }
        guard !isAwaited else { return }
        isAwaited = true
        executor.flushLater(self)
    }

    /// Sends what was gathered in this turn.
    func flush() {
        isAwaited = false
        send()
    }

    private func send() {
        guard !writer.bytes.isEmpty else { return }
        channel.writeAndFlush(channel.allocator.buffer(bytes: writer.bytes), promise: nil)
        if writer.bytes.capacity > Self.kept {
            writer = JSONWriter(capacity: 4096)
        } else {
            writer.bytes.removeAll(keepingCapacity: true)
        }
    }
}
