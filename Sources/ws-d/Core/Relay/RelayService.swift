// Brings events to the Nostr relays that the configuration names, one line for each, and back what they said.
// It must never go where the list does not lead: ledger-d names a relay, the address stands here.

import Interfaces
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import NodeConfig
import NodeModel
import Wire

final class RelayService: Sendable {
    private let relays: [String: RelayAddress]
    private let urls: [String: String]
    private let group: any EventLoopGroup
    private let trust: TLSConfiguration
    /// Made when it is first needed, and kept: reading the machine's authorities takes a while.
    private let context = NIOLockedValueBox<NIOSSLContext?>(nil)

    /// Has a relay's challenge signed by the key that uses the relay.
    typealias Prove = @Sendable (LedgerInterface.SignRelayAuth) async -> SignedEvent?
    private let prove: Prove

    /// - Parameters:
    ///   - endpoints: the allow-list; those that are no relays are left out.
    ///   - trust: whom to believe; the machine's authorities unless a test says otherwise.
    init(
        _ endpoints: [CarryEndpoint], group: any EventLoopGroup,
        trust: TLSConfiguration = .makeClientConfiguration(), prove: @escaping Prove
    ) {
        self.prove = prove
        var relays: [String: RelayAddress] = [:]
        for endpoint in endpoints where endpoint.isRelay {
            relays[endpoint.name] = try? RelayAddress(endpoint.url)
        }
        self.relays = relays
        self.group = group
        self.trust = trust
        urls = Dictionary(endpoints.map { ($0.name, $0.url) }) { first, _ in first }
    }

    /// One event, and the answer to it where one is wanted.
    ///
    /// - Parameter deadlineMs: for all of it.
    /// - Throws: `.policyRefused` for a relay that is not on the list, `.unavailable` when it cannot be reached or did
    ///   not take the event. Once the event is out nothing is thrown: whoever asks must find out what became of it.
    func exchange(_ request: WSInterface.Relay, deadlineMs: Int) async throws -> WSInterface.Relay.Reply {
        guard let relay = relays[request.endpoint] else {
            throw WireError(
                .policyRefused, "'\(request.endpoint.prefix(64))' is no relay of this node's configuration.",
                fix: "See ledger in infernet.yaml.")
        }
        let deadline = NIODeadline.now() + .milliseconds(Int64(max(1, deadlineMs - 200)))
        do {
            let (prove, name, url) = (prove, request.endpoint, urls[request.endpoint] ?? "")
            let line = try await open(
                relay, RelayExchange(request.event, answer: request.answer), deadline
            ) { challenge in
                await prove(.init(endpoint: name, relay: url, challenge: challenge))
            }
            return try await line.outcome.get()
        } catch let error as WireError { throw error } catch {
            throw WireError(
                .unavailable, "The relay '\(request.endpoint)' cannot be reached.",
                fix: "See that its address under ledger is right, and that this machine reaches it.",
                retryAfterMs: 3_000, cause: "\(type(of: error))")
        }
    }

    private func open(
        _ relay: RelayAddress, _ exchange: RelayExchange, _ deadline: NIODeadline,
        prove: @escaping @Sendable (String) async -> SignedEvent?
    ) async throws -> RelayLine {
        let tls = relay.isEncrypted ? try tlsContext() : nil
        let patience = max(.milliseconds(1), min(deadline - .now(), .seconds(10)))
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(patience)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let tls else { return }
                    try channel.pipeline.syncOperations.addHandler(
                        // An address in digits is no name to ask for.
                        NIOSSLClientHandler(
                            context: tls,
                            serverHostname: (try? SocketAddress(ipAddress: relay.host, port: 0)) == nil
                                ? relay.host : nil))
                }
            }
            .connect(host: relay.host, port: relay.port).get()
        let upgrade = channel.eventLoop.submit { try Self.upgrade(channel, relay, exchange, prove) }.flatMap {
            $0
        }
        let slow = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        upgrade.whenComplete { _ in slow.cancel() }
        let line: RelayLine
        do { line = try await upgrade.get() } catch {
            channel.close(promise: nil)
            throw error
        }
        channel.eventLoop.execute { line.begin(until: deadline) }
        return line
    }

    private func tlsContext() throws -> NIOSSLContext {
        try context.withLockedValue { context in
            if let context { return context }
            let made = try NIOSSLContext(configuration: trust)
            context = made
            return made
        }
    }

    private static func upgrade(
        _ channel: any Channel, _ relay: RelayAddress, _ exchange: RelayExchange,
        _ prove: @escaping @Sendable (String) async -> SignedEvent?
    ) throws -> EventLoopFuture<RelayLine> {
        let upgrader = NIOTypedWebSocketClientUpgrader<RelayLine>(maxFrameSize: 256 * 1024) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let line = RelayLine(exchange, on: channel, prove: prove)
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 64, maxAccumulatedFrameCount: 256,
                        maxAccumulatedFrameSize: 256 * 1024))
                try pipeline.addHandler(line)
                return line
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: relay.path)
        head.headers.add(name: "host", value: relay.authority)
        head.headers.add(name: "content-length", value: "0")
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration<RelayLine>(
            upgradeConfiguration: .init(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.close(promise: nil)
                    return channel.eventLoop.makeFailedFuture(
                        WireError(
                            .unavailable, "The relay answers HTTP, but no WebSocket.", retryAfterMs: 3_000))
                }))
        configuration.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration)
    }
}
