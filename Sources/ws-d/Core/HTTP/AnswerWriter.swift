// The writing end of an HTTP connection: heads, bodies, pieces that leave together, and who waits until there is room.
// It must never write a piece behind the end of its answer, nor keep a writer waiting on a connection that is gone.

import NIOCore
import NIOHTTP1

/// Writes the answers of one connection.
// Touched on its channel's event loop only.
final class AnswerWriter: @unchecked Sendable {  // see above
    private let channel: any Channel
    private var outgoing: [UInt8] = []
    private var flushPending = false
    /// The last write whose end somebody may wait for.
    private(set) var last: EventLoopFuture<Void>?
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// Bytes of an answer that leave at once, so that a full channel is noticed within a turn of the loop.
    private static let flushLimit = 32 * 1024

    init(_ channel: any Channel) { self.channel = channel }

    func write(_ head: HTTPResponseHead) {
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
    }

    /// Says that the body may come.
    func goAhead() {
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
    }

    func write(_ body: [UInt8]) {
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
    }

    /// Adds bytes to an answer in pieces; what is added within one turn of the loop leaves in one piece.
    func add(_ bytes: [UInt8]) {
        outgoing.append(contentsOf: bytes)
        if outgoing.count >= Self.flushLimit { return flush() }
        guard !flushPending else { return }
        flushPending = true
        channel.eventLoop.execute {
            self.flushPending = false
            self.flush()
        }
    }

    func flush() {
        guard !outgoing.isEmpty else { return }
        last = channel.writeAndFlush(
            HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: outgoing))))
        outgoing.removeAll(keepingCapacity: true)
    }

    /// Writes the end of an answer. The next request of a client that pipelines may arrive within the write.
    func end() {
        flush()
        let promise = channel.eventLoop.makePromise(of: Void.self)
        last = promise.futureResult
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: promise)
    }

    /// Whether the client has read enough for more to be written; what was written so far is on its way then.
    func hasRoom() -> Bool {
        guard !channel.isWritable else { return true }
        flush()
        channel.flush()
        return channel.isWritable
    }

    /// Returns when there is room for more, or the connection is gone.
    func waitUntilWritable() async {
        if channel.isWritable { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    func wake() {
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume() }
    }

    /// The connection is gone: nothing more is written, and nobody waits.
    func drop() {
        outgoing = []
        wake()
    }

    /// Closes when what was written has left: a channel drops what is still in its own buffer.
    func close() {
        let channel = channel
        guard let last else { return channel.close(promise: nil) }
        last.whenComplete { _ in channel.close(promise: nil) }
    }
}
