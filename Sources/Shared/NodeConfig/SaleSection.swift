// What strangers may buy over HTTP: a listener of its own, which asks for money before it answers. Off by default.
// It must never open the API of this node's own people to anybody.

/// `sale`.
public struct SaleSection: Codable, Sendable, Equatable {
    /// TCP address of the API for strangers, who pay by x402; empty: nothing is sold over HTTP.
    public var listen = ""
    /// How they reach it, as `https://host`: what they are told that they pay for.
    public var url = ""
    public var maxConnections = 256
    public var maxConcurrentRequests = 8
    public var requestsPerSecond = 20
    public var burst = 40

    enum CodingKeys: String, CodingKey {
        case listen, url, burst
        case maxConnections = "max_connections"
        case maxConcurrentRequests = "max_concurrent_requests"
        case requestsPerSecond = "requests_per_second"
    }
    public init() {}

    /// The limits of its listener; what it does not name is as on the other one.
    public func limits(_ own: HTTPSection) -> HTTPSection {
        var limits = own
        limits.listen = listen
        limits.allowedHosts = [host]
        // Who pays needs no key of this node's own people.
        limits.apiKeys = []
        limits.maxConnections = maxConnections
        limits.maxConcurrentRequests = maxConcurrentRequests
        limits.requestsPerSecond = requestsPerSecond
        limits.burst = burst
        return limits
    }

    /// The name in `url`.
    private var host: String {
        let rest = url.drop { $0 != "/" }.dropFirst(2)
        return String(rest.prefix { $0 != "/" && $0 != ":" })
    }

    /// What is wrong with it, by key; the first of all.
    func problem(price: PriceSection) -> (key: String, problem: String)? {
        guard !listen.isEmpty else { return nil }
        if HostPort(listen) == nil { return ("listen", "must be 'host:port' with a numeric host") }
        let isPlain = url.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), url.utf8.count <= 200, isPlain,
            !host.isEmpty, !url.hasSuffix("/")
        else { return ("url", "must be how strangers reach it, as https://host, without a path's end") }
        if price.asset == "test:credit" {
            return ("listen", "sells for money, and aggregator.price.asset names none")
        }
        let ranges: [(String, Int, ClosedRange<Int>)] = [
            ("max_connections", maxConnections, 1...15_000),
            ("max_concurrent_requests", maxConcurrentRequests, 1...15_000),
            ("requests_per_second", requestsPerSecond, 1...100_000), ("burst", burst, 1...100_000),
        ]
        for (key, value, range) in ranges where !range.contains(value) {
            return (key, "is \(value), outside \(range.lowerBound) to \(range.upperBound)")
        }
        return nil
    }
}
