// Who announced which torrent (BEP 5): endpoints under info hashes, for half an hour.
// It must never grow beyond its limits, whatever is announced.

/// Peers by info hash.
public struct PeerStore: Sendable {
    private struct Peer {
        let endpoint: Endpoint
        var expires: Int64
    }

    private var peers: [NodeID: [Peer]] = [:]
    /// How many peers are stored.
    public private(set) var count = 0

    /// How many info hashes have one.
    public var hashCount: Int { peers.count }

    private var sampled: [NodeID] = []
    private var sampledUntil = Int64.min
    /// How long a sample stays the same, in milliseconds.
    public static let sampleLifetime: Int64 = 300_000
    /// How long an announcement counts, in milliseconds.
    public static let lifetime: Int64 = 30 * 60_000
    /// Most info hashes.
    public static let maximumHashes = 2000
    /// Most peers under one hash.
    public static let maximumPeers = 100

    /// An empty store.
    public init() {}

    /// Stores or renews a peer.
    ///
    /// - Returns: false when the store is full.
    public mutating func announce(_ endpoint: Endpoint, under hash: NodeID, now: Int64) -> Bool {
        var list = peers[hash] ?? []
        if let index = list.firstIndex(where: { $0.endpoint == endpoint }) {
            list[index].expires = now + Self.lifetime
        } else {
            guard !list.isEmpty || peers.count < Self.maximumHashes else { return false }
            if list.count >= Self.maximumPeers {
                list.removeFirst()
                count -= 1
            }
            list.append(Peer(endpoint: endpoint, expires: now + Self.lifetime))
            count += 1
        }
        peers[hash] = list
        return true
    }

    /// Up to `limit` living peers of `hash`, the newest first. Only of one family, when it is named: the two networks do not
    /// carry each other's (BEP 32).
    public func find(_ hash: NodeID, _ family: AddressFamily? = nil, limit: Int, now: Int64) -> [Endpoint] {
        (peers[hash] ?? []).reversed().lazy
            .filter { $0.expires > now && (family == nil || $0.endpoint.family == family) }
            .prefix(limit).map(\.endpoint)
    }

    /// The sample of BEP 51: up to 40 hashes by chance, the same ones for five minutes.
    public mutating func sample(
        now: Int64, using generator: inout some RandomNumberGenerator
    ) -> InfohashSample {
        if now >= sampledUntil {
            sampledUntil = now + Self.sampleLifetime
            // Sorted first, because a dictionary's order is not replayable.
            sampled = Array(peers.keys.sorted().shuffled(using: &generator).prefix(40))
        }
        return InfohashSample(
            interval: Self.sampleLifetime / 1000, total: Int64(peers.count), hashes: sampled)
    }

    /// Drops what has expired.
    public mutating func expire(now: Int64) {
        peers = peers.compactMapValues { list in
            let living = list.filter { $0.expires > now }
            return living.isEmpty ? nil : living
        }
        count = peers.values.reduce(0) { $0 + $1.count }
    }
}
