// The items of BEP 44 that this node keeps for others, for two hours after they were last put.
// It must never keep one whose signature was not checked, nor grow past its limits.

/// Items by target.
public struct MainlineItemStore: Sendable {
    private struct Stored: Sendable {
        var item: MainlineItem
        var expires: Int64
        let source: Endpoint
    }

    private var items: [NodeID: Stored] = [:]
    /// How many items are stored.
    public var count: Int { items.count }

    /// How long an item is kept after it was last put, in milliseconds (BEP 44 says two hours).
    public static let lifetime: Int64 = 2 * 60 * 60_000
    /// Most items.
    public static let maximum = 2000
    /// Most items put from one address range, local addresses excepted.
    public static let maximumPerGroup = 100

    /// An empty store.
    public init() {}

    /// Stores an item that `source` put; the token has been checked before.
    ///
    /// - Parameter own: this node's ids, one for each network that it lives in.
    /// - Parameter swap: the sequence that the stored item must have for this one to take its place (`cas`).
    /// - Throws: the error to answer with.
    public mutating func put(
        _ item: MainlineItem, swap: Int64?, from source: Endpoint, own: [NodeID], now: Int64
    ) throws(KRPCError) {
        try item.checkSize()
        let target = item.target
        if let old = items[target], old.expires > now {
            if let proof = item.proof, let known = old.item.proof {
                if let swap, swap != known.sequence {
                    throw KRPCError(.swapMismatch, "cas does not match seq")
                }
                guard proof.sequence >= known.sequence else { throw KRPCError(.outdated, "seq is older") }
                guard proof.sequence > known.sequence || item.value == old.item.value else {
                    throw KRPCError(.outdated, "another value with this seq is stored")
                }
            }
            if old.item == item {
                items[target]?.expires = now + Self.lifetime
                return
            }
        } else if items[target] == nil {
            try makeRoom(for: target, source, own, now)
        }
        // Dearest last.
        guard item.isGenuine else { throw KRPCError(.badSignature, "bad signature") }
        items[target] = Stored(item: item, expires: now + Self.lifetime, source: source)
    }

    /// Lets the item farthest from us go for a nearer one; nobody else can be asked for what is near to us.
    private mutating func makeRoom(
        for target: NodeID, _ source: Endpoint, _ own: [NodeID], _ now: Int64
    ) throws(KRPCError) {
        if !source.isLocal {
            let (group, home) = (source.group, source.home)
            let same = items.values.count { $0.source.group == group }
            let beside = home == nil ? 0 : items.values.count { $0.source.home == home }
            guard same < Self.maximumPerGroup, beside < AddressGroups.share(of: Self.maximumPerGroup) else {
                throw KRPCError(.slowDown, "too many from your range")
            }
        }
        guard items.count >= Self.maximum else { return }
        func distance(_ key: NodeID) -> NodeID? { own.lazy.map { key.distance(to: $0) }.min() }
        let farthest = items.keys.lazy.map { (key: $0, distance: distance($0)) }
            .max { ($0.distance ?? $0.key) < ($1.distance ?? $1.key) }
        guard let last = farthest?.key, let limit = farthest?.distance, let near = distance(target),
            near < limit
        else { throw KRPCError(.server, "full") }
        items[last] = nil
    }

    /// The living item under `target`.
    public func find(_ target: NodeID, now: Int64) -> MainlineItem? {
        guard let stored = items[target], stored.expires > now else { return nil }
        return stored.item
    }

    /// Drops what has expired.
    public mutating func expire(now: Int64) {
        if items.values.contains(where: { $0.expires <= now }) {
            items = items.filter { $0.value.expires > now }
        }
    }
}
