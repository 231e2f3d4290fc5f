// What all connections of the OpenAI API share: limits, counters, the lines to the other daemons, one clock.
// It must never be touched from another thread than the event loop's.

import DaemonKit
import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import Wire

/// The HTTP side of ws-d.
// Touched on the one event loop only.
final class HTTPService: @unchecked Sendable {  // see above
    let limits: HTTPSection
    /// How strangers who pay reach it; nil where this node's own people ask.
    let sale: String?
    let hosts: HostRule
    let keys: KeyRule
    let loop: any EventLoop
    let executor: LoopExecutor
    let aggregator: PeerLink
    let supervisor: PeerLink
    let metrics: WSMetrics
    let log: Logger
    /// Unix seconds.
    let wallClock: @Sendable () -> Int64

    private var bucket: TokenBucket
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var sweeper: RepeatedTask?
    /// Chat completions under way.
    private(set) var running = 0
    private(set) var isDraining = false

    /// How often connections are looked at for being too slow.
    private static let sweepInterval = TimeAmount.milliseconds(200)
    /// How long the supervisor may take to answer for health and metrics, in milliseconds.
    static let supervisorPatienceMs = 2_000

    init(
        limits: HTTPSection, sale: String? = nil, loop: any EventLoop, aggregator: PeerLink,
        supervisor: PeerLink,
        metrics: WSMetrics,
        log: Logger, wallClock: @escaping @Sendable () -> Int64
    ) {
        self.limits = limits
        self.sale = sale
        hosts = HostRule(names: limits.allowedHosts)
        keys = KeyRule(limits.apiKeys)
        self.loop = loop
        executor = LoopExecutor.of(loop)
        self.aggregator = aggregator
        self.supervisor = supervisor
        self.metrics = metrics
        self.log = log
        self.wallClock = wallClock
        bucket = TokenBucket(
            rate: Double(limits.requestsPerSecond), burst: Double(limits.burst),
            now: NIODeadline.now().uptimeNanoseconds)
    }

    // MARK: Admission

    /// Takes a connection in.
    /// - Returns: false when there are too many.
    func opened(_ connection: HTTPConnection) -> Bool {
        guard connections.count < limits.maxConnections else {
            metrics.refused("connections")
            return false
        }
        connections[ObjectIdentifier(connection)] = connection
        metrics.httpConnections(connections.count)
        if sweeper == nil {
            sweeper = loop.scheduleRepeatedTask(initialDelay: Self.sweepInterval, delay: Self.sweepInterval) {
                _ in
                self.sweep()
            }
        }
        return true
    }

    func closed(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        metrics.httpConnections(connections.count)
        if connections.isEmpty {
            sweeper?.cancel()
            sweeper = nil
        }
    }

    /// Takes one request of the API from the bucket.
    func admitRequest() throws(APIError) {
        guard let wait = bucket.take(now: NIODeadline.now().uptimeNanoseconds) else { return }
        metrics.refused("rate")
        throw APIError(
            429,
            "Too many requests: this node takes \(limits.requestsPerSecond) in a second. Try again later.",
            type: "rate_limit_error", code: "rate_limit_exceeded", retryAfterMs: wait)
    }

    /// Takes one place among the completions under way; `endCompletion` gives it back.
    func beginCompletion() throws(APIError) {
        if isDraining {
            throw APIError(
                503, "The node is stopping and takes no new work.", type: "server_error", code: "draining",
                retryAfterMs: 2_000)
        }
        guard running < limits.maxConcurrentRequests else {
            metrics.refused("concurrency")
            throw APIError(
                429, "Too many requests: \(running) completions are under way. Try again later.",
                type: "rate_limit_error", code: "rate_limit_exceeded", retryAfterMs: 1_000)
        }
        running += 1
        metrics.completions(running)
    }

    func endCompletion() {
        running -= 1
        metrics.completions(running)
    }

    // MARK: Time

    private func sweep() {
        let now = NIODeadline.now()
        for connection in connections.values where connection.due <= now { connection.expire() }
    }

    /// Whether anybody is connected: with a request under way, or an answer that has not left.
    var isBusy: Bool { !connections.isEmpty }

    /// Hands idle connections to the next process; those that it cannot have end, and the others after their answer.
    func startDraining(_ keeper: ConnectionKeeper?) {
        isDraining = true
        guard let keeper else {
            for connection in connections.values { connection.drain() }
            return
        }
        let idle = connections.values.compactMap { connection in
            connection.spare().map { (connection: connection, copy: $0) }
        }
        let taken = keeper.keep(idle.map(\.copy), of: "http")
        for (index, one) in idle.enumerated() {
            Glibc.close(one.copy)
            // Its other owner holds it open: this ends only our part in it.
            if index < taken { one.connection.abort() }
        }
        for connection in connections.values { connection.drain() }
    }

    /// Closes what is left, whatever it is doing.
    func closeAll() {
        for connection in connections.values { connection.abort() }
    }
}
