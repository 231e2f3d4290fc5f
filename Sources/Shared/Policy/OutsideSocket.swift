// The sockets through which something from outside the house comes in.
// It must never know an address that a person configured: only where each is by default.

import Wire

/// A socket from outside the house that the parent binds and hands over.
public enum OutsideSocket: String, Sendable, Hashable, CaseIterable {
    /// TCP, the OpenAI API, loopback.
    case http
    /// TCP, the API that strangers pay for.
    case sale
    /// TCP, WebSocket between nodes.
    case peer
    /// UDP, Kademlia over IPv4.
    case dht
    /// UDP, Kademlia over IPv6.
    case dht6
    /// Unix, on which the person's hand gives files to content-d.
    case handoff

    /// How it is bound.
    public enum Kind: String, Sendable {
        case tcp = "TCP"
        case udp = "UDP"
        case unix = "Unix stream"
    }

    public var kind: Kind {
        switch self {
        case .http, .sale, .peer: .tcp
        case .dht, .dht6: .udp
        case .handoff: .unix
        }
    }

    /// The address in a unit file, as systemd writes it; a port alone is every address, v4 and v6. A test holds those
    /// that are on by default against the configuration's defaults.
    var unitAddress: String {
        switch self {
        case .http: "127.0.0.1:8080"
        case .sale: "9402"
        case .peer: "9100"
        case .dht: "127.0.0.1:9200"
        case .dht6: "[::1]:9200"
        case .handoff: "\(PackageLayout.run)/\(Role.content.rawValue)/handoff.sock"
        }
    }

    /// Whether a node has it unless somebody switches it off.
    var isOnByDefault: Bool { self != .peer && self != .sale && self != .dht6 }

    /// What it is for.
    var summary: String {
        switch self {
        case .http: "the OpenAI API"
        case .sale: "the API that strangers pay for"
        case .peer: "lines from other nodes"
        case .dht: "Kademlia over IPv4"
        case .dht6: "Kademlia over IPv6"
        case .handoff: "files that a person hands over"
        }
    }
}
