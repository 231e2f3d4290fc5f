// The counters of ws-d, under names that are written here and nowhere else.
// It must never take a label from a client: routes, reasons and outcomes are our own words.

import DaemonKit
import NIOCore
import Wire

/// What is counted.
// Touched on the one event loop only; the registry behind it has its own lock.
final class WSMetrics: @unchecked Sendable {  // see above
    private let registry: MetricsRegistry
    /// Bytes that are not in the registry yet: it costs a lock and a look-up, and bytes come often.
    private var bytesIn = 0
    private var bytesOut = 0

    init(_ registry: MetricsRegistry) { self.registry = registry }

    /// An HTTP request was answered; status 499 for a client that left before.
    func answered(_ route: Route?, status: Int, since began: NIODeadline) {
        let route = route?.label ?? "none"
        registry.count(
            "infernet_http_requests_total", labels: ["route", route, "status", String(status)],
            help: "HTTP requests answered; status 499 when the client left first.")
        registry.observe(
            "infernet_http_seconds", seconds(since: began), labels: ["route", route],
            help: "From the request's head to the end of its answer.")
        publishBytes()
    }

    /// The client of a completion left before its end.
    func abandoned() {
        registry.count(
            "infernet_http_abandoned_total", help: "Completions cancelled because their client left.")
    }

    /// Something was turned away, for one of our own reasons.
    func refused(_ reason: String) {
        registry.count(
            "infernet_ws_refused_total", labels: ["reason", reason],
            help: "Connections and requests turned away.")
    }

    func httpConnections(_ count: Int) {
        registry.gauge("infernet_http_connections", Double(count), help: "Open connections of the API.")
    }

    func completions(_ count: Int) {
        registry.gauge("infernet_http_completions", Double(count), help: "Completions under way.")
    }

    /// A greeting ended: `ok`, or why not.
    func handshake(_ outcome: String) {
        registry.count(
            "infernet_peer_handshakes_total", labels: ["outcome", outcome], help: "Greetings between nodes.")
        publishBytes()
    }

    func peerSessions(_ count: Int) {
        registry.gauge(
            "infernet_peer_sessions", Double(count), help: "Authenticated sessions with other nodes.")
    }

    /// A peer's request was answered.
    func peerRequest(_ method: String, code: ErrorCode?, since began: NIODeadline) {
        registry.count(
            "infernet_peer_requests_total", labels: ["method", method, "code", code?.rawValue ?? "ok"],
            help: "Requests of other nodes, answered.")
        registry.observe(
            "infernet_peer_seconds", seconds(since: began), labels: ["method", method],
            help: "From a peer's request to its reply.")
        publishBytes()
    }

    func received(_ bytes: Int) { bytesIn += bytes }
    func sent(_ bytes: Int) { bytesOut += bytes }

    private func publishBytes() {
        let help = "Bytes over TCP."
        registry.count(
            "infernet_ws_bytes_total", by: Double(bytesIn), labels: ["direction", "in"], help: help)
        registry.count(
            "infernet_ws_bytes_total", by: Double(bytesOut), labels: ["direction", "out"], help: help)
        bytesIn = 0
        bytesOut = 0
    }

    private func seconds(since began: NIODeadline) -> Double { Double((.now() - began).nanoseconds) / 1e9 }
}
