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

    /// How many peers of each address range are stored.
    private var held: [UInt64: Int] = [:]
    private let groups: AddressGroups

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
    /// Most peers of one address range in all, and most ports of one address under one hash.
    public static let maximumPerRange = 400
    public static let maximumPorts = 4

    /// An empty store.
    public init(groups: AddressGroups = AddressGroups()) { self.groups = groups }

    /// Stores or renews a peer.
    ///
    /// - Returns: false when the store is full, or its range has what one may have.
    public mutating func announce(_ endpoint: Endpoint, under hash: NodeID, now: Int64) -> Bool {
        var list = peers[hash] ?? []
        if let index = list.firstIndex(where: { $0.endpoint == endpoint }) {
            list[index].expires = now + Self.lifetime
        } else {
            guard !list.isEmpty || peers.count < Self.maximumHashes, mayJoin(endpoint, list) else {
                return false
            }
            if list.count >= Self.maximumPeers { release(list.removeFirst()) }
            list.append(Peer(endpoint: endpoint, expires: now + Self.lifetime))
            held[endpoint.group, default: 0] += 1
            count += 1
        }
        peers[hash] = list
        return true
    }

    /// One address could fill all hashes in seconds, or drive all others out of one with a hundred ports.
    private func mayJoin(_ endpoint: Endpoint, _ list: [Peer]) -> Bool {
        if groups.exemptLocal && endpoint.isLocal { return true }
        let same = list.lazy.map(\.endpoint).filter { $0.group == endpoint.group }
        let home = same.count { $0.home == endpoint.home }
        return (held[endpoint.group] ?? 0) < Self.maximumPerRange
            && same.count { $0.address == endpoint.address } < Self.maximumPorts
            && groups.allow(endpoint, beside: (same.count, home))
    }

    private mutating func release(_ peer: Peer) {
        count -= 1
        let left = (held[peer.endpoint.group] ?? 1) - 1
        held[peer.endpoint.group] = left > 0 ? left : nil
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
        held = [:]
        for peer in peers.values.lazy.flatMap(\.self) { held[peer.endpoint.group, default: 0] += 1 }
    }
}
