// How a node looks from outside at one moment: for status, metrics and the state file.
// It must never change the node.

public import NodeModel

/// A node's state, for people and for the next run.
public struct NodeSnapshot: Sendable {
    /// One node in the table.
    public struct Peer: Sendable {
        public let contact: NodeContact
        public let standing: TableEntry.Standing
        /// Smoothed, in milliseconds.
        public let roundTrip: Int64?
    }

    /// One bootstrap endpoint and whether it answers at present.
    public struct Entrance: Sendable {
        public let endpoint: Endpoint
        public let reached: Bool
    }

    public let id: NodeID
    /// Where others see us.
    public let observed: Endpoint?
    /// The table, good nodes first.
    public let peers: [Peer]
    public let entrances: [Entrance]
    public let storedCards: Int
    public let storedTargets: Int
    public let storedPeers: Int
    /// Our own cards that are being announced.
    public let announced: [SignedEvent]
    /// Other nodes known to hold one of them.
    public let holders: Int
    public let lookupsRunning: Int
    public let counters: NodeCounters

    /// The number of nodes of a standing.
    public func count(_ standing: TableEntry.Standing) -> Int { peers.count { $0.standing == standing } }
}

extension DHTNode {
    /// How the node looks at `now`.
    public func snapshot(now: Moment) -> NodeSnapshot {
        let rows = table.entries.map { entry in
            NodeSnapshot.Peer(
                contact: entry.contact, standing: entry.standing(at: now.milliseconds),
                roundTrip: entry.roundTrip.smoothed)
        }
        let own = ownCards.filter { $0.expires > now.unixSeconds }
        return NodeSnapshot(
            id: id, observed: vote.latest,
            peers: rows.filter { $0.standing == .good } + rows.filter { $0.standing != .good },
            entrances: bootstrap.endpoints.map { endpoint in
                NodeSnapshot.Entrance(endpoint: endpoint, reached: table.entry(at: endpoint)?.failures == 0)
            },
            storedCards: cards.count, storedTargets: cards.targetCount, storedPeers: peers.count,
            announced: own.map(\.card.event), holders: Set(own.flatMap(\.holders.keys)).count,
            lookupsRunning: lookups.count, counters: counters)
    }
}
