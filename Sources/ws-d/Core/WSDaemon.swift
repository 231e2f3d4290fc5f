// ws-d: the node's TCP side. It adopts the sockets of the OpenAI API and of the line between nodes, and serves both.
// It must never open a key, a database or Docker, nor hold a remote job in the clear.
//
// Security: this process parses what strangers send. It can reach aggregator-d, ledger-d (identity and proofs of
// authentication only) and the supervisor (health and metrics only), and holds nothing that lasts. What it carries
// between nodes is sealed before it arrives here and opened after it has left; what it carries for ledger-d is signed,
// and goes to the addresses of the configuration alone.

public import DaemonKit
import FoundationEssentials
public import IPC
public import Interfaces
import Logging
import NIOCore
public import NodeConfig
public import Wire

/// The composition of ws-d.
public final class WSDaemon: Daemon {
    public typealias Config = WSSection
    public static let role = Role.ws

    let http: HTTPService
    /// The API for strangers who pay.
    let sale: HTTPService
    let hub: PeerHub
    let pool: PeerPool
    private let carrier: CarryService
    private let relays: RelayService
    private let config: WSSection
    private let listeners: [Listener]
    private let aggregator: PeerLink
    private let kept: [Int32]
    private let keeper: ConnectionKeeper
    private let log: Logger

    private struct Listener: Sendable {
        let label: String
        let channel: any Channel
        var text: String { "\(label) \(channel.localAddress.map(PeerConnection.text) ?? "unknown")" }
    }

    /// How long work under way may take to end when the daemon stops.
    private static let drainPatience = Duration.seconds(5)
    /// How long aggregator-d may take to answer a check, in milliseconds.
    private static let checkPatienceMs = 1_500

    public init(_ environment: DaemonEnvironment<WSSection>) async throws {
        config = environment.config
        log = environment.log
        aggregator = environment.link(to: .aggregator)
        kept = environment.kept["http"] ?? []
        keeper = environment.keeper
        let loop = environment.loop
        let metrics = WSMetrics(environment.metrics)
        http = HTTPService(
            limits: environment.config.http, loop: loop, aggregator: aggregator,
            supervisor: environment.link(to: .supervisor), metrics: metrics, log: environment.log,
            wallClock: { Self.milliseconds() / 1_000 })
        sale = HTTPService(
            limits: environment.config.sale.limits(environment.config.http),
            sale: environment.config.sale.url,
            loop: loop, aggregator: aggregator, supervisor: environment.link(to: .supervisor),
            metrics: metrics,
            log: environment.log, wallClock: { Self.milliseconds() / 1_000 })
        hub = PeerHub(
            limits: environment.config.peer, loop: loop, ledger: environment.link(to: .ledger),
            aggregator: aggregator,
            metrics: metrics, log: environment.log, wallClock: { Self.milliseconds() })
        pool = PeerPool(hub)
        carrier = CarryService(environment.config.carry.filter { !$0.isRelay }, group: environment.group)
        let ledger = environment.link(to: .ledger)
        relays = RelayService(environment.config.carry, group: environment.group) {
            try? await ledger.call($0)
        }
        var adopted: [Listener] = []
        for descriptor in environment.sockets["http"] ?? [] {
            adopted.append(Listener(label: "http", channel: try await HTTPListener.listen(descriptor, http)))
        }
        for descriptor in environment.sockets["sale"] ?? [] {
            adopted.append(Listener(label: "sale", channel: try await HTTPListener.listen(descriptor, sale)))
        }
        for descriptor in environment.sockets["peer"] ?? [] {
            adopted.append(Listener(label: "peer", channel: try await PeerListener.listen(descriptor, hub)))
        }
        listeners = adopted
        for listener in adopted { log.notice("listening", metadata: ["socket": "\(listener.text)"]) }
    }

    private static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    public func routes(_ router: inout Router) {
        let pool = pool
        let hub = hub
        router.stream(WSInterface.RunJob.self) { request, context, sink in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.runJob(request, deadlineMs: left) { try await sink.send($0) }
            }
        }
        router.on(WSInterface.DeliverAcceptance.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.deliver(request, deadlineMs: left)
            }
        }
        router.on(WSInterface.AskRefund.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.askRefund(request, deadlineMs: left)
            }
        }
        router.on(WSInterface.Credit.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.credit(request, deadlineMs: left)
            }
        }
        router.on(WSInterface.Quote.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.quote(request, deadlineMs: left)
            }
        }
        router.on(WSInterface.TopUp.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.topUp(request, deadlineMs: left)
            }
        }
        router.on(WSInterface.DialBack.self) { request, context in
            let left = Self.left(until: context.deadline)
            return try await withTaskExecutorPreference(hub.executor) {
                try await pool.dialBack(request, deadlineMs: left)
            }
        }
        let carrier = carrier
        router.on(WSInterface.Carry.self) { request, context in
            try await carrier.carry(request, deadlineMs: Self.left(until: context.deadline))
        }
        router.on(WSInterface.Shop.self) { request, context in
            try await carrier.shop(request, deadlineMs: Self.left(until: context.deadline))
        }
        let relays = relays
        router.on(WSInterface.Relay.self) { request, context in
            // The wallet's relay is for ledger-d alone, the card's for aggregator-d.
            guard request.endpoint.hasPrefix(CarryEndpoint.cardPrefix) == (context.caller == .aggregator)
            else {
                throw WireError(
                    .notPermitted, "\(context.caller.rawValue) has nothing to bring to this relay.")
            }
            return try await relays.exchange(request, deadlineMs: Self.left(until: context.deadline))
        }
        let names = listeners.map(\.text)
        router.on(WSInterface.Sessions.self) { _, _ in
            await withTaskExecutorPreference(hub.executor) {
                WSInterface.Sessions.Reply(listeners: names, sessions: await Self.sessions(hub))
            }
        }
    }

    private static func sessions(_ hub: PeerHub) async -> [WSInterface.Sessions.Session] { hub.list() }

    /// Milliseconds until a deadline, at least one.
    private static func left(until deadline: ContinuousClock.Instant) -> Int {
        let (seconds, attoseconds) = (deadline - .now).components
        return max(1, Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    // MARK: The work

    /// Serves. Not before: a process that is told to stop while it starts must not have anybody's connection yet.
    public func run() async throws {
        for connection in kept {
            do { try await HTTPListener.adopt(connection, http) } catch {
                log.warning("a kept connection is lost", metadata: ["error": "\(error)"])
            }
        }
        if !kept.isEmpty { keeper.adopted(of: "http") }
        // One that was closed meanwhile is that of a daemon that ends.
        for listener in listeners { try? await listener.channel.setOption(.autoRead, value: true).get() }
        while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
    }

    // MARK: Checks

    public func checks() async -> [ControlInterface.Check] {
        var checks = [
            check("http", config.http.listen, off: "the OpenAI API is switched off: http.listen is empty")
        ]
        checks.append(
            check("sale", config.sale.listen, off: "nothing is sold over HTTP: sale.listen is empty"))
        checks.append(
            check("peer", config.peer.listen, off: "not listening for other nodes: peer.listen is empty"))
        if !config.peer.advertise.isEmpty {
            do {
                _ = try PeerEndpoint(config.peer.advertise)
            } catch {
                checks.append(
                    ControlInterface.Check(
                        name: "peer endpoint", ok: false, reason: error.message,
                        fix: "Set peer.advertise to ws://ADDRESS:PORT/peer as other nodes can dial it."))
            }
        }
        checks.append(await aggregatorCheck())
        return checks
    }

    private func check(_ label: String, _ address: String, off: String) -> ControlInterface.Check {
        if address.isEmpty { return ControlInterface.Check(name: label, ok: true, reason: off) }
        if let listener = listeners.first(where: { $0.label == label }) {
            return ControlInterface.Check(
                name: label, ok: true, reason: "listening on \(listener.text.dropFirst(label.count + 1))")
        }
        return ControlInterface.Check(
            name: label, ok: false,
            reason: "no socket on \(address): its port was taken, or could not be bound",
            fix:
                "See who has it with 'ss -ltnp', free it or set \(label).listen to another address, and restart the node."
        )
    }

    private func aggregatorCheck() async -> ControlInterface.Check {
        do {
            _ = try await aggregator.call(AggregatorInterface.Models(), deadlineMs: Self.checkPatienceMs)
            return ControlInterface.Check(name: "aggregator", ok: true, reason: "answers")
        } catch {
            let wire = WireError.wrapping(error)
            return ControlInterface.Check(
                name: "aggregator", ok: false, reason: wire.message,
                fix: wire.fix ?? "Look at 'infernetctl status' for aggregator-d.")
        }
    }

    // MARK: The end

    public func drain() async {
        for listener in listeners { try? await listener.channel.close() }
        let end = ContinuousClock.now + Self.drainPatience
        let http = http
        let sale = sale
        let hub = hub
        let keeper = keeper
        await withTaskExecutorPreference(hub.executor) {
            await Self.startDraining(http, sale, hub, keeper)
            while await Self.isBusy(http, sale, hub), ContinuousClock.now < end {
                try? await Task.sleep(for: .milliseconds(20))
            }
            await Self.closeAll(http, sale, hub)
        }
        await carrier.close()
    }

    private static func startDraining(
        _ http: HTTPService, _ sale: HTTPService, _ hub: PeerHub, _ keeper: ConnectionKeeper
    ) async {
        http.startDraining(keeper)
        sale.startDraining(nil)
        hub.startDraining()
    }

    private static func isBusy(_ http: HTTPService, _ sale: HTTPService, _ hub: PeerHub) async -> Bool {
        http.isBusy || sale.isBusy || hub.isBusy
    }

    private static func closeAll(_ http: HTTPService, _ sale: HTTPService, _ hub: PeerHub) async {
        http.closeAll()
        sale.closeAll()
        hub.closeAll()
    }
}
