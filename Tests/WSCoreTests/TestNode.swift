// One node's ws-d on real loopback sockets, with a ledger-d, aggregator-d and supervisor that a test speaks for.
// It must never replace the IPC: what ws-d asks of its siblings goes over their real sockets and the real grants.

import DaemonKit
import Foundation
import IPC
import Interfaces
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NodeConfig
import NodeModel
import NodeSystem
import Nostr
import TestKit
import Wire

@testable import WSCore

/// What the siblings of a node do in a test.
struct TestScript: Sendable {
    typealias Submit =
        @Sendable (
            AggregatorInterface.Submit, EventSink<AggregatorInterface.Submit.Event>
        ) async throws -> AggregatorInterface.Submit.Reply
    typealias Serve =
        @Sendable (
            AggregatorInterface.Serve, EventSink<PeerInterface.RunJob.Event>
        ) async throws -> PeerInterface.RunJob.Reply

    typealias Sell =
        @Sendable (
            AggregatorInterface.Sell, EventSink<AggregatorInterface.Submit.Event>
        ) async throws -> AggregatorInterface.Sell.Reply

    var sell: Sell = { _, _ in throw WireError(.policyRefused, "nothing is sold") }
    var sold: @Sendable (JobID) -> Void = { _ in }
    var submit: Submit = { request, sink in
        try await sink.send(.init(stage: .accepted, text: TestNode.job.text))
        try await sink.send(.init(stage: .state, text: "planned"))
        for (i, piece) in ["Hel", "lo"].enumerated() {
            try await sink.send(.init(stage: .token, sequence: UInt64(i), text: piece))
        }
        return TestNode.reply
    }
    var serve: Serve = { _, _ in PeerInterface.RunJob.example.reply }
    var quote: @Sendable (AggregatorInterface.Quote) async throws -> SignedEvent = { _ in
        throw WireError(.notFound, "no script")
    }
    var topUp: @Sendable (AggregatorInterface.TopUp) async throws -> Void = { _ in
        throw WireError(.notFound, "no script")
    }
    var refund: @Sendable (AggregatorInterface.Refund) async throws -> PeerInterface.Refund.Reply = { _ in
        throw WireError(.policyRefused, "nothing is left", fix: "not for strangers")
    }
    var accepted: @Sendable (AggregatorInterface.Accepted) async throws -> Void = { _ in }
    var credit: @Sendable (AggregatorInterface.Credit) async throws -> CreditAnswer = { _ in
        throw WireError(.policyRefused, "no credit here")
    }
    var health: @Sendable () async throws -> SupervisorInterface.Health.Reply = {
        .init(state: .ready, reason: "all daemons are ready")
    }
}

/// A running ws-d with its siblings.
final class TestNode: Sendable {
    static let job = AggregatorInterface.Submit.example.reply.record.job
    static var reply: AggregatorInterface.Submit.Reply { AggregatorInterface.Submit.example.reply }

    let daemon: WSDaemon
    let key: SecretKey
    let metrics = MetricsRegistry()
    let httpPort: UInt16
    let peerPort: UInt16
    let salePort: UInt16
    /// What others dial.
    let endpoint: String
    /// aggregator-d's line to this ws-d.
    let line: PeerLink
    /// A person's.
    let hand: PeerLink
    private let directory: TemporaryDirectory
    private let group: MultiThreadedEventLoopGroup
    private let servers: [LoopbackServer]
    private let running: Task<Void, any Error>

    init(
        host: String = "127.0.0.1", key: SecretKey = .generate(), script: TestScript = TestScript(),
        adopt: [String] = ["http", "peer"], peerPort wanted: UInt16 = 0,
        kept: [Int32] = [], keeper: ConnectionKeeper = ConnectionKeeper(),
        configure: (inout WSSection) -> Void = { _ in }
    ) async throws {
        directory = try TemporaryDirectory()
        self.key = key
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var node = NodeSection()
        node.runDirectory = directory.path
        node.stateDirectory = directory.path
        let http = try TCPListener.bind(host: "127.0.0.1", port: 0)
        let peer = try TCPListener.bind(host: host, port: wanted)
        let sale = try TCPListener.bind(host: "127.0.0.1", port: 0)
        salePort = try InternetSocket.localAddress(of: sale).port
        httpPort = try InternetSocket.localAddress(of: http).port
        peerPort = try InternetSocket.localAddress(of: peer).port
        endpoint = "ws://\(host):\(peerPort)/peer"
        var config = WSSection()
        config.http.listen = "127.0.0.1:\(httpPort)"
        config.peer.listen = "\(host):\(peerPort)"
        config.peer.advertise = endpoint
        if adopt.contains("sale") { config.sale.listen = "127.0.0.1:\(salePort)" }
        config.sale.url = "https://node.example"
        configure(&config)
        let siblings = [
            try await Self.aggregator(directory.path, script), try await Self.ledger(directory.path, key),
            try await Self.supervisor(directory.path, script),
        ]
        let ws = try await WSDaemon(
            DaemonEnvironment(
                role: .ws, config: config, node: node,
                log: Logger(label: "ws") { _ in SwiftLogNoOpLogHandler() },
                group: group,
                sockets: ["http": [http], "peer": [peer], "sale": [sale]].filter { adopt.contains($0.key) },
                kept: ["http": kept], keeper: keeper, stateDirectory: directory.path,
                runtimeDirectory: directory.path, metrics: metrics))
        daemon = ws
        let own = try await LoopbackServer(.ws, runDirectory: directory.path, group: group) { ws.routes(&$0) }
        servers = siblings + [own]
        line = own.link(as: .aggregator)
        hand = own.link(as: .ctl)
        running = Task { try await ws.run() }
    }

    func stop() async {
        running.cancel()
        await daemon.drain()
        for server in servers { await server.close() }
    }

    /// Closes everything at once, as the kernel does for a killed process.
    func kill() async {
        let executor = daemon.hub.executor
        await withTaskExecutorPreference(executor) { await Self.drop(daemon) }
        await stop()
    }

    private static func drop(_ daemon: WSDaemon) async {
        daemon.hub.startDraining()
        daemon.hub.closeAll()
    }

    /// Stops the event loop for a while.
    func freeze(for duration: Duration, _ frozen: Flag) {
        let micros = UInt32(duration / .microseconds(1))
        group.next().execute {
            frozen.raise()
            usleep(micros)
        }
    }

    func sessions() async -> [WSInterface.Sessions.Session] {
        let executor = daemon.hub.executor
        return await withTaskExecutorPreference(executor) { await Self.list(daemon) }
    }

    private static func list(_ daemon: WSDaemon) async -> [WSInterface.Sessions.Session] { daemon.hub.list() }

    private static func aggregator(_ run: String, _ script: TestScript) async throws -> LoopbackServer {
        try await LoopbackServer(.aggregator, runDirectory: run) { router in
            router.stream(AggregatorInterface.Submit.self) { request, _, sink in
                try await script.submit(request, sink)
            }
            router.stream(AggregatorInterface.Sell.self) { request, _, sink in
                try await script.sell(request, sink)
            }
            router.on(AggregatorInterface.Sold.self) { request, _ in
                script.sold(request.job)
                return Done()
            }
            router.stream(AggregatorInterface.Serve.self) { request, _, sink in
                try await script.serve(request, sink)
            }
            router.on(AggregatorInterface.Credit.self) { request, _ in try await script.credit(request) }
            router.on(AggregatorInterface.Accepted.self) { request, _ in
                try await script.accepted(request)
                return Done()
            }
            router.on(AggregatorInterface.Quote.self) { request, _ in try await script.quote(request) }
            router.on(AggregatorInterface.TopUp.self) { request, _ in
                try await script.topUp(request)
                return Done()
            }
            router.on(AggregatorInterface.Refund.self) { request, _ in try await script.refund(request) }
            router.on(AggregatorInterface.Models.self) { _, _ in AggregatorInterface.Models.example.reply }
        }
    }

    /// Signs as ledger-d does: an intent in, an event out.
    private static func ledger(_ run: String, _ key: SecretKey) async throws -> LoopbackServer {
        try await LoopbackServer(.ledger, runDirectory: run) { router in
            router.on(LedgerInterface.Identity.self) { _, _ in .init(pubkey: key.publicKey, npub: "npub1test")
            }
            router.on(LedgerInterface.SignPeerAuth.self) { intent, _ in
                let bound = PeerAuthentication(
                    endpoint: intent.endpoint, challenge: intent.challenge, reader: intent.peer,
                    side: intent.dialer ? .dialer : .listener)
                guard let bound else { throw WireError(.invalidParams, "not an endpoint or challenge") }
                return try key.sign(
                    bound.template(author: key.publicKey, now: Int64(Date().timeIntervalSince1970)))
            }
        }
    }

    private static func supervisor(_ run: String, _ script: TestScript) async throws -> LoopbackServer {
        try await LoopbackServer(.supervisor, runDirectory: run) { router in
            router.on(SupervisorInterface.Health.self) { _, _ in try await script.health() }
            router.on(SupervisorInterface.Metrics.self) { _, _ in .init(text: "infernet_daemon_up 1\n") }
        }
    }
}

/// A fact that a test waits for.
final class Flag: Sendable {
    private let box = NIOLockedValueBox(0)
    func raise() { box.withLockedValue { $0 += 1 } }
    var count: Int { box.withLockedValue { $0 } }

    /// Whether it was raised within a time.
    func raised(within duration: Duration = .seconds(5)) async -> Bool {
        let end = ContinuousClock.now + duration
        while count == 0 {
            if ContinuousClock.now > end { return false }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return true
    }
}
