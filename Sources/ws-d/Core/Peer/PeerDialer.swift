// Dials a provider: TCP, the HTTP upgrade, the greeting; all of it within one deadline.
// It must never go on with a provider whose key is not the one the card named.

import IPC
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import NodeConfig
import NodeModel
import Nostr
import Wire

/// Makes sessions to providers.
enum PeerDialer {
    /// Dials and greets.
    /// - Returns: a session whose provider has proved its key; any failure is told as one of that provider.
    static func dial(
        _ endpoint: PeerEndpoint, provider: PublicKey, own: PublicKey, _ hub: PeerHub
    ) -> EventLoopFuture<PeerCalling> {
        attempt(endpoint, provider: provider, own: own, hub)
            .flatMapErrorThrowing { error in throw explain(error, endpoint, provider) }
    }

    /// The same; failures are as they came.
    static func attempt(
        _ endpoint: PeerEndpoint, provider: PublicKey, own: PublicKey, _ hub: PeerHub
    ) -> EventLoopFuture<PeerCalling> {
        let patience = hub.limits.handshakeTimeoutMs
        let handshake = PeerHandshake(
            side: .dialer(expected: provider), own: own, endpoint: endpoint.text,
            challenge: PeerAuthentication.newChallenge())
        return ClientBootstrap(group: hub.loop)
            .connectTimeout(.milliseconds(Int64(patience)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .connect(to: endpoint.address)
            .flatMap { channel in
                do {
                    return try upgrade(channel, endpoint, handshake, hub)
                } catch {
                    channel.close(promise: nil)
                    return channel.eventLoop.makeFailedFuture(error)
                }
            }
            .flatMap { connection in
                connection.open()
                return connection.established.map { @Sendable _ in
                    let session = PeerCalling(connection, provider: provider, endpoint: endpoint.text)
                    connection.begin(session)
                    return session
                }
            }
    }

    private static func upgrade(
        _ channel: any Channel, _ endpoint: PeerEndpoint, _ handshake: PeerHandshake, _ hub: PeerHub
    ) throws -> EventLoopFuture<PeerConnection> {
        let gate = PeerGate(deadlineMs: hub.limits.handshakeTimeoutMs, metrics: hub.metrics)
        try channel.pipeline.syncOperations.addHandler(gate)
        let upgrader = NIOTypedWebSocketClientUpgrader<PeerConnection>(
            maxFrameSize: hub.limits.maxMessageBytes
        ) { channel, head in
            channel.eventLoop.makeCompletedFuture {
                guard head.headers.first(name: "sec-websocket-protocol") == PeerListener.subprotocol else {
                    throw WireError(
                        .versionMismatch, "the other side does not speak \(PeerListener.subprotocol)")
                }
                return try PeerPipeline.add(to: channel, gate, handshake, hub)
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: PeerEndpoint.path)
        head.headers.add(name: "host", value: endpoint.authority)
        head.headers.add(name: "sec-websocket-protocol", value: PeerListener.subprotocol)
        head.headers.add(name: "content-length", value: "0")
        let configuration = NIOUpgradableHTTPClientPipelineConfiguration<PeerConnection>(
            upgradeConfiguration: .init(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.close(promise: nil)
                    return channel.eventLoop.makeFailedFuture(
                        WireError(.upstreamLost, "it answers HTTP, but not as a node"))
                }))
        var leaving = configuration
        // The other side may greet in the same packet as its answer to the upgrade.
        leaving.leftOverBytesStrategy = .forwardBytes
        let upgraded = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: leaving)
        upgraded.whenFailure { _ in channel.close(promise: nil) }
        return upgraded
    }

    /// Any failure, as one that names the provider. A key that is not the card's stays what it is.
    private static func explain(_ error: any Error, _ endpoint: PeerEndpoint, _ provider: PublicKey)
        -> WireError
    {
        let wire = error as? WireError
        if let wire, wire.code == .verificationFailed || wire.code == .internalError { return wire }
        let why: String
        switch error {
        case let wire as WireError: why = wire.message
        case is NIOConnectionError, is ChannelError, is IOError: why = "no connection: \(error)"
        default: why = "\(error)"
        }
        return WireError(
            .upstreamLost,
            "The provider \(provider.hex.prefix(16))… at \(endpoint.text) cannot be reached: \(why)",
            fix: "It may be stopped or unplugged; another provider may be chosen.",
            retryAfterMs: wire?.retryAfterMs)
    }
}
