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

    /// How the node stands in one of the two networks.
    public struct Presence: Sendable {
        public let family: AddressFamily
        public let id: NodeID
        /// Where others see us.
        public let observed: Endpoint?
        /// Whether others are asked not to take it into their tables.
        public let readOnly: Bool
        /// Whether strangers' packets arrive; nil when that is not to be found out.
        public let reach: Reach?
    }

    /// For each network that the node lives in, IPv4 first.
    public let presences: [Presence]
    /// The table, good nodes first.
    public let peers: [Peer]
    public let entrances: [Entrance]
    public let storedCards: Int
    public let storedTargets: Int
    public let storedPeers: Int
    /// Pieces of evidence, and the providers whom they are about.
    public let storedEvidence: (pieces: Int, subjects: Int)
    /// Our own cards that are being announced.
    public let announced: [SignedEvent]
    /// What its provider says of itself.
    public let descriptor: SignedEvent?
    /// Other nodes known to hold one of them.
    public let holders: Int
    public let lookupsRunning: Int
    public let counters: NodeCounters

    /// The number of nodes of a standing, in one network or in both.
    public func count(_ standing: TableEntry.Standing, _ family: AddressFamily? = nil) -> Int {
        peers.count { $0.standing == standing && (family == nil || $0.contact.endpoint.family == family) }
    }
}

extension DHTNode {
    /// How the node looks at `now`.
    public func snapshot(now: Moment) -> NodeSnapshot {
        let rows = sides.families.flatMap { sides[$0].table.entries }.map { entry in
            NodeSnapshot.Peer(
                contact: entry.contact, standing: entry.standing(at: now.milliseconds),
                roundTrip: entry.roundTrip.smoothed)
        }
        let own = ownCards.filter { $0.expires > now.unixSeconds }
        return NodeSnapshot(
            presences: sides.families.map {
                NodeSnapshot.Presence(
                    family: $0, id: sides[$0].id, observed: sides[$0].vote.latest,
                    readOnly: isReadOnly($0, now), reach: sides[$0].reach)
            },
            peers: rows.filter { $0.standing == .good } + rows.filter { $0.standing != .good },
            entrances: sides.families.flatMap { sides[$0].bootstrap.endpoints }.map { endpoint in
                NodeSnapshot.Entrance(endpoint: endpoint, reached: entry(at: endpoint)?.failures == 0)
            },
            storedCards: cards.count, storedTargets: cards.targetCount, storedPeers: peers.count,
            storedEvidence: (desk.store.count, desk.store.subjects.count),
            announced: own.map(\.card.event), descriptor: descriptor?.event,
            holders: Set(own.flatMap(\.holders.keys)).count,
            lookupsRunning: lookups.count, counters: counters)
    }
}
