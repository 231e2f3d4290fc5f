// An entry of ws-d's allow-list for what it carries.
// It must never allow a place that others could listen on the way to.

/// Where ws-d may carry what ledger-d hands it: what is not in the list is refused.
public struct CarryEndpoint: Codable, Sendable, Equatable {
    public var name: String
    public var url: String
    /// The header in which the secret of a request travels. Without one, requests have neither secret nor path.
    public var header: String?

    /// The one certificate (PEM) that its server may show; the machine's authorities count where there is none.
    public var certificate: String?

    public init(name: String, url: String, header: String? = nil, certificate: String? = nil) {
        self.certificate = certificate
        self.name = name
        self.url = url
        self.header = header
    }

    /// By what a relay for the card is named.
    static func card(_ url: String) -> CarryEndpoint { CarryEndpoint(name: cardPrefix + url, url: url) }
    /// How the names of relays for the card begin.
    public static let cardPrefix = "relay/"

    /// How the names of shops begin, where ledger-d buys by x402.
    public static let shopPrefix = "shop/"

    /// By what a facilitator's part that settles is named.
    public static let settling = "x402/settle"
    static func settling(_ facilitator: String) -> CarryEndpoint {
        CarryEndpoint(name: settling, url: facilitator + (facilitator.hasSuffix("/") ? "" : "/") + "settle")
    }

    /// Whether it is a Nostr relay, to which events are brought.
    public var isRelay: Bool { url.hasPrefix("wss://") || url.hasPrefix("ws://") }

    /// Whether a relay's address is encrypted to its server, or never leaves the machine.
    static func isAllowedRelay(_ url: String) -> Bool {
        guard url.hasPrefix("ws") else { return false }
        return isAllowed("http" + url.dropFirst(2))
    }

    /// Whether a URL is encrypted to its server, or never leaves the machine.
    static func isAllowed(_ url: String) -> Bool {
        guard (8...2_000).contains(url.utf8.count),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
        else { return false }
        if url.hasPrefix("https://") { return true }
        guard url.hasPrefix("http://") else { return false }
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" }
        guard let place = HostPort(String(authority)) else { return false }
        return place.host == "::1" || place.host.hasPrefix("127.")
    }
}
