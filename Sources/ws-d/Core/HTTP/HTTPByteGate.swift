// Sees the raw bytes of an HTTP connection: counts them, and tells when a new request begins to arrive.
// It must never keep or change a byte.

import NIOCore

/// The first handler of a connection.
// A handler of one channel, touched on its event loop only.
final class HTTPByteGate: ChannelDuplexHandler, @unchecked Sendable {  // see above
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: HTTPConnection
    private let metrics: WSMetrics

    init(_ connection: HTTPConnection, metrics: WSMetrics) {
        self.connection = connection
        self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        metrics.received(bytes.readableBytes)
        connection.arrived(bytes)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        metrics.sent(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }
}
