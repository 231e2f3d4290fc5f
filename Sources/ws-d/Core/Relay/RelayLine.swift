// The WebSocket to a relay for the length of one exchange: frames in, frames out, one end.
// It must never wait longer than it was told to, nor gather more than one message may have.

import Interfaces
import NIOCore
import NIOWebSocket
import NodeModel
import Nostr
import Wire

// A handler of one channel, touched on its event loop only.
final class RelayLine: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let channel: any Channel
    private var exchange: RelayExchange
    private let promise: EventLoopPromise<WSInterface.Relay.Reply>
    /// Has a challenge signed.
    private let prove: @Sendable (String) async -> SignedEvent?
    private var timer: Scheduled<Void>?

    /// What the exchange came to.
    var outcome: EventLoopFuture<WSInterface.Relay.Reply> { promise.futureResult }

    init(
        _ exchange: RelayExchange, on channel: any Channel,
        prove: @escaping @Sendable (String) async -> SignedEvent?
    ) {
        self.prove = prove
        self.channel = channel
        self.exchange = exchange
        promise = channel.eventLoop.makePromise()
    }

    /// Begins, once the upgrade is over.
    func begin(until deadline: NIODeadline) {
        timer = channel.eventLoop.scheduleTask(deadline: deadline) { self.step(.deadline) }
        step(.opened)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // RFC 6455, section 5.1: a server does not mask.
        guard frame.maskKey == nil else { return channel.close(promise: nil) }
        switch frame.opcode {
        case .text:
            // What cannot be read is no answer; the next message may be.
            if let message = try? frame.data.withUnsafeReadableBytes({ try RelayMessage($0) }) {
                step(.message(message))
            }
        case .ping: write(.pong, frame.data)
        case .connectionClose: channel.close(promise: nil)
        default: return
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        step(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func step(_ event: RelayExchange.Event) {
        for action in exchange.on(event) {
            switch action {
            case .tell(let request):
                guard let json = try? request.json() else { continue }
                write(.text, channel.allocator.buffer(bytes: json))
            case .sign(let challenge):
                Task {
                    let proof = await prove(challenge)
                    channel.eventLoop.execute { self.step(.signed(proof)) }
                }
            case .end(let result):
                timer?.cancel()
                promise.completeWith(result.mapError { $0 as any Error })
                write(.connectionClose, ByteBuffer())
                channel.close(promise: nil)
            }
        }
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard channel.isActive else { return }
        channel.writeAndFlush(
            WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data), promise: nil)
    }
}
