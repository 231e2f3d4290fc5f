// What all connections between nodes share: limits, who is connected, the lines to ledger-d and aggregator-d.
// It must never hold a key: this node's proofs are asked for, one by one.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig
import NodeModel
import Wire

/// The node-to-node side of ws-d.
// Touched on the one event loop only.
final class PeerHub: @unchecked Sendable {  // see above
    let limits: PeerSection
    let loop: any EventLoop
    let executor: LoopExecutor
    let ledger: PeerLink
    let aggregator: PeerLink
    let metrics: WSMetrics
    let log: Logger
    /// Unix milliseconds.
    let wallClock: @Sendable () -> Int64

    /// Sessions that one key may hold at once.
    static let maximumSessionsPerPeer = 8

    let dialBacks = DialBackDesk()
    private var limiter: AddressLimiter
    /// Accepted and not yet closed, proved or not.
    private var accepted = 0
    private var sessions: [ObjectIdentifier: PeerConnection] = [:]
    private var ownKey: EventLoopFuture<PublicKey>?
    private(set) var isDraining = false

    init(
        limits: PeerSection, loop: any EventLoop, ledger: PeerLink, aggregator: PeerLink, metrics: WSMetrics,
        log: Logger, wallClock: @escaping @Sendable () -> Int64
    ) {
        self.limits = limits
        self.loop = loop
        executor = LoopExecutor.of(loop)
        self.ledger = ledger
        self.aggregator = aggregator
        self.metrics = metrics
        self.log = log
        self.wallClock = wallClock
        limiter = AddressLimiter(perMinute: limits.handshakesPerMinute)
    }

    var nowSeconds: Int64 { wallClock() / 1_000 }

    /// This node's key, asked for once; a failed question is asked again by whoever comes next.
    func identity() -> EventLoopFuture<PublicKey> {
        if let ownKey { return ownKey }
        let promise = loop.makePromise(of: PublicKey.self)
        ownKey = promise.futureResult
        promise.futureResult.whenFailure { _ in self.ownKey = nil }
        Task.immediate(executorPreference: executor) {
            do { promise.succeed(try await ledger.call(LedgerInterface.Identity()).pubkey) } catch {
                promise.fail(error)
            }
        }
        return promise.futureResult
    }

    // MARK: Admission

    /// Whether a connection from this address may stay; `released` must follow when it closes.
    func admit(_ address: String) -> Bool {
        guard !isDraining, accepted < limits.maxSessions else {
            metrics.refused("peer_sessions")
            return false
        }
        guard limiter.admits(address, now: NIODeadline.now().uptimeNanoseconds) else {
            metrics.refused("peer_rate")
            return false
        }
        accepted += 1
        return true
    }

    func released() { accepted -= 1 }

    /// Takes a session in whose peer has proved its key.
    func opened(_ connection: PeerConnection, by peer: PublicKey) -> Bool {
        if !connection.isDialer {
            guard
                sessions.values.count(where: { $0.peer == peer && !$0.isDialer })
                    < Self.maximumSessionsPerPeer
            else { return false }
        }
        sessions[ObjectIdentifier(connection)] = connection
        metrics.peerSessions(sessions.count)
        return true
    }

    func closed(_ connection: PeerConnection) {
        sessions[ObjectIdentifier(connection)] = nil
        metrics.peerSessions(sessions.count)
    }

    /// Who is connected, longest first.
    func list() -> [WSInterface.Sessions.Session] {
        sessions.values.compactMap { connection in
            connection.peer.map {
                WSInterface.Sessions.Session(
                    peer: $0, address: connection.remote, outbound: connection.isDialer,
                    since: connection.since)
            }
        }.sorted { $0.since < $1.since }
    }

    /// Refuses new work; idle sessions close now, the others after their work.
    func startDraining() {
        isDraining = true
        for session in sessions.values where !session.isBusy { session.close(.goingAway) }
    }

    /// Whether any session has work under way.
    var isBusy: Bool { sessions.values.contains { $0.isBusy } }

    func closeAll() { for session in sessions.values { session.close(.goingAway) } }
}
