// Adopts the listening socket between nodes: counts, limits, the HTTP upgrade at /peer, then the greeting.
// It must never bind by itself, nor upgrade what does not ask for our protocol.

import IPC
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import NodeConfig
import Nostr
import Wire

/// The listening side of the line between nodes.
enum PeerListener {
    /// The WebSocket subprotocol (RFC 6455, section 1.9).
    static let subprotocol = "infernet.1"

    /// Adopts a bound socket; the descriptor is owned by the channel from here on. It accepts nobody before `autoRead`.
    static func listen(_ descriptor: Int32, _ hub: PeerHub) async throws -> any Channel {
        try await ServerBootstrap(group: hub.loop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1_024, maximum: 65_536)
            )
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, hub) }
            }
            .withBoundSocket(descriptor).get()
    }

    private struct Refused: Error {}

    private static func accept(_ channel: any Channel, _ hub: PeerHub) throws {
        // Throwing here closes the connection: a flood gets no bytes from us.
        guard hub.admit(channel.remoteAddress?.ipAddress ?? "unknown") else { throw Refused() }
        channel.closeFuture.whenComplete { _ in hub.released() }
        let gate = PeerGate(deadlineMs: hub.limits.handshakeTimeoutMs, metrics: hub.metrics)
        try channel.pipeline.syncOperations.addHandler(gate)
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            maxFrameSize: hub.limits.maxMessageBytes,
            shouldUpgrade: { channel, head in headers(channel, head, hub) },
            upgradePipelineHandler: { channel, _ in greet(channel, gate, hub) })
        var configuration = NIOUpgradableHTTPServerPipelineConfiguration<Void>(
            upgradeConfiguration: .init(
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        hub.metrics.handshake("no_upgrade")
                        try channel.pipeline.syncOperations.addHandler(PeerSignpost())
                    }
                }))
        configuration.decoderConfiguration.maxHeaderListSize = 8_192
        configuration.decoderConfiguration.maxHeaderFieldSize = 4_096
        configuration.decoderConfiguration.maxHeaderFieldCount = 40
        let done = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: configuration)
        done.whenFailure { _ in channel.close(promise: nil) }
    }

    /// - Returns: the headers of the upgrade's answer; nil when there is to be none.
    private static func headers(
        _ channel: any Channel, _ head: HTTPRequestHead, _ hub: PeerHub
    ) -> EventLoopFuture<HTTPHeaders?> {
        guard head.uri == PeerEndpoint.path,
            head.headers[canonicalForm: "sec-websocket-protocol"].contains(where: { $0 == subprotocol })
        else { return channel.eventLoop.makeSucceededFuture(nil) }
        // Without our own key there is no greeting; the dialer hears 426 now and not a silence until its deadline.
        return hub.identity().map { _ in ["Sec-WebSocket-Protocol": subprotocol] }
            .flatMapErrorThrowing { error in
                hub.log.error("this node's key cannot be asked for", metadata: ["error": "\(error)"])
                return nil
            }
    }

    private static func greet(_ channel: any Channel, _ gate: PeerGate, _ hub: PeerHub) -> EventLoopFuture<
        Void
    > {
        hub.identity().flatMapThrowing { own in
            let endpoint =
                hub.limits.advertise.isEmpty
                ? "ws://\(channel.localAddress.map(PeerConnection.text) ?? "unknown")\(PeerEndpoint.path)"
                : hub.limits.advertise
            let handshake = PeerHandshake(
                side: .listener, own: own, endpoint: endpoint, challenge: PeerAuthentication.newChallenge())
            try PeerPipeline.add(to: channel, gate, handshake, hub)
        }
    }
}

/// Answers a visitor that does not speak WebSocket, and closes.
// A handler of one channel, touched on its event loop only.
private final class PeerSignpost: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head = unwrapInboundIn(data) else { return }
        let reply = HTTPReply(
            APIError(
                426,
                "This address is for other nodes: WebSocket at /peer, subprotocol \(PeerListener.subprotocol).",
                code: "upgrade_required"))
        var headers = HTTPHeaders(reply.headers)
        headers.add(name: "connection", value: "close")
        headers.add(name: "content-length", value: String(reply.body.count))
        let head = HTTPResponseHead(version: .http1_1, status: .upgradeRequired, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
