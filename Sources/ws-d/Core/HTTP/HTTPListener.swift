// Adopts the listening socket of the OpenAI API and gives each connection its handlers.
// It must never bind by itself: the socket is the parent's.

import NIOCore
import NIOHTTP1
import NIOPosix
import NodeConfig

/// The listening side of the API.
enum HTTPListener {
    /// Adopts a bound socket; the descriptor is owned by the channel from here on. It accepts nobody before `autoRead` is
    /// set: until then a daemon that is told to stop just ends, and whoever is in the backlog waits for the next one.
    static func listen(_ descriptor: Int32, _ service: HTTPService) async throws -> any Channel {
        try await ServerBootstrap(group: service.loop)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(.recvAllocator, value: allocator)
            .childChannelOption(.writeBufferWaterMark, value: marks)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, service) }
            }
            .withBoundSocket(descriptor).get()
    }

    /// Serves a connection that the process before this one had accepted; the descriptor is the channel's.
    static func adopt(_ connection: Int32, _ service: HTTPService) async throws {
        _ = try await ClientBootstrap(group: service.loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(.recvAllocator, value: allocator)
            .channelOption(.writeBufferWaterMark, value: marks)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, service) }
            }
            .withConnectedSocket(connection).get()
    }

    private static let allocator = AdaptiveRecvByteBufferAllocator(
        minimum: 512, initial: 2_048, maximum: 65_536)
    private static let marks = ChannelOptions.Types.WriteBufferWaterMark(low: 32 * 1024, high: 128 * 1024)

    private static func accept(_ channel: any Channel, _ service: HTTPService) throws {
        let connection = HTTPConnection(service: service, channel: channel)
        guard service.opened(connection) else {
            try channel.pipeline.syncOperations.addHandler(Turnstile())
            return
        }
        // Not by its last event: a channel that ends in the turn in which it was accepted has none.
        channel.closeFuture.whenComplete { _ in service.closed(connection) }
        try configure(channel, connection)
    }

    /// The handlers of one connection, in order.
    static func configure(_ channel: any Channel, _ connection: HTTPConnection) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = connection.service.limits.maxHeaderBytes
        limits.maxHeaderListSize = connection.service.limits.maxHeaderBytes
        limits.maxHeaderFieldCount = connection.service.limits.maxHeaders
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPByteGate(connection, metrics: connection.service.metrics))
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)))
        try pipeline.addHandler(HTTPServerPipelineHandler())
        try pipeline.addHandler(connection)
    }

    /// Says that the house is full, and closes.
    private final class Turnstile: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelActive(context: ChannelHandlerContext) {
            let body = HTTPReply(
                APIError(
                    503, "Too many connections are open. Try again later.", type: "server_error",
                    code: "too_many_connections", retryAfterMs: 1_000)
            ).body
            let text =
                "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
                + "connection: close\r\ncontent-length: \(body.count)\r\n\r\n"
            context.write(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            let last = context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: body)))
            let channel = context.channel
            last.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
