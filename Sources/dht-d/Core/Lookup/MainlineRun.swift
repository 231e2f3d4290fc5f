// Something wanted of Mainline (BEP 5, BEP 44) and what has come of it.
// It must never believe an item that does not hash to its target, or is not signed by its author.

/// What can be wanted of Mainline.
public enum MainlineWish: Equatable, Sendable {
    /// Who has this torrent?
    case peers(NodeID)
    /// We have this torrent, at this port or at the one that our packets come from.
    case announce(NodeID, port: UInt16?)
    /// The immutable item with this hash.
    case item(NodeID)
    /// The newest item of this author under this salt.
    case mutable(key: [UInt8], salt: [UInt8])
    /// Keep this item; `swap` is the sequence that it may replace.
    case store(MainlineItem, swap: Int64?)

    /// Where in the key space it is about.
    var target: NodeID {
        switch self {
        case .peers(let hash), .announce(let hash, _), .item(let hash): hash
        case .mutable(let key, let salt): MainlineItem.target(key: key, salt: salt)
        case .store(let item, _): item.target
        }
    }
}

/// What came of it.
public struct MainlineReport: Sendable {
    /// Peers that nodes named, not asked themselves, in the order of their addresses.
    public var peers: [Endpoint] = []
    /// The item, checked; the newest if it is mutable.
    public var item: MainlineItem?
    /// Nodes that took what was to be stored.
    public var stored = 0
    /// Nodes that did not, by error.
    public var refusals: [KRPCError: Int] = [:]
    /// Nodes that were asked, and that answered.
    public var asked = 0
    public var answered = 0
}

/// One wish under way.
struct MainlineRun: Sendable {
    let operation: OperationID
    let wish: MainlineWish
    var report = MainlineReport()
    var storesOpen = 0
    var lookupsOpen = 0
    private var peers: Set<Endpoint> = []

    init(operation: OperationID, wish: MainlineWish) {
        self.operation = operation
        self.wish = wish
    }

    /// Most peers that are gathered.
    private static let maximumPeers = 1000

    /// Takes what one node knows.
    mutating func take(_ reply: KRPCReply) {
        for peer in reply.values where peer.isUsable && peers.count < Self.maximumPeers { peers.insert(peer) }
        guard let item = reply.item, let checked = accept(item) else { return }
        let known = report.item?.proof?.sequence ?? Int64.min
        if report.item == nil || (checked.proof?.sequence ?? Int64.min) > known { report.item = checked }
    }

    private func accept(_ item: MainlineItem) -> MainlineItem? {
        guard item.value.count <= MainlineItem.maximumValue else { return nil }
        switch wish {
        case .item(let hash):
            return item.proof == nil && item.target == hash ? item : nil
        case .mutable(let key, let salt):
            // The salt does not travel in replies.
            guard let proof = item.proof, proof.key == key else { return nil }
            let full = MainlineItem(
                value: item.value,
                proof: .init(
                    key: key, salt: salt, sequence: proof.sequence, signature: proof.signature))
            return full.isGenuine ? full : nil
        case .peers, .announce, .store: return nil
        }
    }

    /// The report, with the peers in an order that can be replayed.
    func finished() -> MainlineReport {
        var out = report
        out.peers = peers.sorted()
        return out
    }
}
