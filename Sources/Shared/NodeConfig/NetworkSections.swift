// What ws-d is told: addresses and limits of the API and of the line between nodes.
// It must never hold a limit that is switched off by default.

public import NodeModel

/// The OpenAI API.
public struct HTTPSection: Codable, Sendable, Equatable {
    /// TCP address; empty switches the API off.
    public var listen = "127.0.0.1:8080"
    /// Host names that requests may name, besides loopback and numeric ones.
    public var allowedHosts: [String] = []
    /// Who may use the API: `sha256:` and the hash of a key, which clients send as `Authorization: Bearer KEY`; empty: whoever
    /// reaches it. `infernetctl config new-key` makes one. Hashes, because anybody may read the file.
    public var apiKeys: [String] = []
    public var maxBodyBytes = 1_048_576
    public var maxHeaderBytes = 16_384
    public var maxHeaders = 100
    public var maxConnections = 1024
    public var maxConcurrentRequests = 64
    /// 0 lifts the limit.
    public var requestsPerSecond = 1000
    public var burst = 2000
    public var headerTimeoutMs = 10_000
    public var bodyTimeoutMs = 30_000
    public var idleTimeoutMs = 75_000
    public var writeTimeoutMs = 30_000
    public var requestTimeoutMs = 600_000

    enum CodingKeys: String, CodingKey {
        case listen, burst
        case allowedHosts = "allowed_hosts"
        case apiKeys = "api_keys"
        case maxBodyBytes = "max_body_bytes"
        case maxHeaderBytes = "max_header_bytes"
        case maxHeaders = "max_headers"
        case maxConnections = "max_connections"
        case maxConcurrentRequests = "max_concurrent_requests"
        case requestsPerSecond = "requests_per_second"
        case headerTimeoutMs = "header_timeout_ms"
        case bodyTimeoutMs = "body_timeout_ms"
        case idleTimeoutMs = "idle_timeout_ms"
        case writeTimeoutMs = "write_timeout_ms"
        case requestTimeoutMs = "request_timeout_ms"
    }
    public init() {}
}

extension HTTPSection {
    /// The hash in an entry of `api_keys`; nil when it is not one.
    public static func keyHash(_ entry: String) -> Digest? {
        entry.hasPrefix("sha256:") ? Digest(hex: String(entry.dropFirst(7))) : nil
    }
}

/// The line between nodes.
public struct PeerSection: Codable, Sendable, Equatable {
    /// TCP address; empty: this node only dials out.
    public var listen = ""
    /// How others reach it, as `ws://host:port/peer`; empty: it is not announced.
    public var advertise = ""
    /// Nostr relays to which the card can be published, as `wss://host`; `ws://` on loopback.
    public var relays: [String] = []
    public var maxSessions = 256
    public var maxJobsPerPeer = 16
    /// For each address.
    public var handshakesPerMinute = 60
    public var handshakeTimeoutMs = 5_000
    public var pingIntervalMs = 5_000
    public var missedPings = 3
    public var idleTimeoutMs = 300_000
    public var maxMessageBytes = 5_242_880

    enum CodingKeys: String, CodingKey {
        case listen, advertise, relays
        case maxSessions = "max_sessions"
        case maxJobsPerPeer = "max_jobs_per_peer"
        case handshakesPerMinute = "handshakes_per_minute"
        case handshakeTimeoutMs = "handshake_timeout_ms"
        case pingIntervalMs = "ping_interval_ms"
        case missedPings = "missed_pings"
        case idleTimeoutMs = "idle_timeout_ms"
        case maxMessageBytes = "max_message_bytes"
    }
    public init() {}
}

/// Both of them, what is sold, and where ws-d may carry payments to: ws-d's slice.
public struct WSSection: Codable, Sendable, Equatable {
    public var http: HTTPSection
    public var peer: PeerSection
    public var carry: [CarryEndpoint]
    public var sale: SaleSection

    public init(
        http: HTTPSection = HTTPSection(), peer: PeerSection = PeerSection(), carry: [CarryEndpoint] = [],
        sale: SaleSection = SaleSection()
    ) {
        self.sale = sale
        self.http = http
        self.peer = peer
        self.carry = carry
    }
}
