// One connection to a server: frames out, replies and events matched to who waits for them.
// It must never leave anybody waiting after the connection has died.

import NIOCore
import Wire

/// The client's end of a connection.
// Touched on its event loop only; other threads reach it through `loop.execute`.
final class ClientConnection: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = ByteBuffer

    private let callee: Role
    private let loop: any EventLoop
    private var channel: (any Channel)?
    private var executor: LoopExecutor?
    private var outlet: FrameOutlet?
    private let reader = FrameReader()
    private var buffer = ByteBuffer()
    private var closed = false
    private var nextID: UInt64 = 1
    private var waiting: [UInt64: PendingCall] = [:]
    private var sweeping = false
    private(set) var watch = ReplyWatch()

    init(callee: Role, loop: any EventLoop) {
        self.callee = callee
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        channel = context.channel
        let executor = LoopExecutor.of(loop)
        self.executor = executor
        outlet = FrameOutlet(context.channel, executor)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        if buffer.readableBytes == 0 { buffer = incoming } else { buffer.writeBuffer(&incoming) }
        do {
            while !closed {
                let step = try buffer.withUnsafeReadableBytes { bytes in
                    let step = try reader.next(bytes)
                    if case .frame(let range) = step {
                        try take(UnsafeRawBufferPointer(rebasing: bytes[range]))
                    }
                    return step
                }
                guard case .frame(let range) = step else { break }
                buffer.moveReaderIndex(forwardBy: range.upperBound)
            }
        } catch {
            fail(WireError(.upstreamLost, "\(callee) broke the protocol.", cause: "\(error)"))
            context.close(promise: nil)
        }
        // Given back when it is used up, so that the channel can read into it again.
        if buffer.readableBytes == 0 { buffer = ByteBuffer() } else { buffer.discardReadBytes() }
    }

    func channelReadComplete(context: ChannelHandlerContext) { executor?.endTurn() }

    func channelInactive(context: ChannelHandlerContext) {
        fail(WireError(.upstreamLost, "\(callee) went away before it answered."))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func fail(_ error: WireError) {
        closed = true
        let lost = waiting
        waiting = [:]
        for call in lost.values { call.finish(.failure(error)) }
    }

    private func take(_ frame: UnsafeRawBufferPointer) throws {
        let envelope = try Envelope.scan(frame)
        let body = UnsafeRawBufferPointer(rebasing: frame[envelope.body])
        switch envelope.kind {
        case .result: waiting.removeValue(forKey: envelope.id)?.finish(.success(body))
        case .error:
            let error = ErrorBody.read(body)
            if envelope.id == 0 { return fail(error) }
            waiting.removeValue(forKey: envelope.id)?.finish(.failure(error))
        case .event:
            guard let call = waiting[envelope.id] else { return }
            if let problem = call.event(body) { abandon(envelope.id, problem) }
        default: throw WireError(.invalidEnvelope, "A server sends replies.")
        }
    }

    /// Sends a request; `call` hears of everything that comes back. On the loop.
    /// - Returns: what it was sent as.
    func send(_ call: PendingCall, encode: (inout JSONWriter, UInt64) throws -> Void) throws -> UInt64 {
        guard !closed, let outlet else {
            throw WireError(.upstreamLost, "The connection to \(callee) is closed.")
        }
        let id = nextID
        nextID += 1
        try outlet.write { writer in try encode(&writer, id) }
        waiting[id] = call
        if waiting.count == 1, watch.begins() { executor?.watchLater(self) }
        if !sweeping { sweep() }
        return id
    }

    /// Looks for the reply to the only request, which has left, before the loop sleeps. It is read in the loop's next turn.
    func look() {
        guard waiting.count == 1, !closed, let channel else { return }
        watch.ended(inTime: Arrival.happens(on: channel, within: ReplyWatch.patience))
    }

    /// Stops waiting for a request, and tells the server so. On the loop.
    func abandon(_ id: UInt64, _ error: WireError) {
        guard let call = waiting.removeValue(forKey: id) else { return }
        call.finish(.failure(error))
        guard !closed else { return }
        outlet?.write { writer in Message.cancel(&writer, id: id) }
    }

    func close() {
        if loop.inEventLoop {
            channel?.close(promise: nil)
        } else {
            loop.execute { self.channel?.close(promise: nil) }
        }
    }

    private func sweep() {
        guard !waiting.isEmpty else { return }
        sweeping = true
        loop.scheduleTask(in: .milliseconds(50)) {
            self.sweeping = false
            let now = NIODeadline.now()
            for (id, call) in self.waiting where call.deadline <= now {
                self.abandon(
                    id,
                    WireError(.deadlineExceeded, "\(self.callee) did not answer '\(call.method)' in time."))
            }
            self.sweep()
        }
    }
}
