// What a node has in each of the two networks that it can live in, that of IPv4 and that of IPv6 (BEP 32).
// It must never let what one network says of addresses count in the other.

/// A node's place in the network of one family.
struct Side: Sendable {
    let family: AddressFamily
    var id: NodeID
    var table: RoutingTable
    /// Where others say that we are (BEP 42).
    var vote = AddressVote()
    var boundAt: Int64?
    var bootstrap = Bootstrap()
    var refreshQueue: [Int] = []
    /// It has looked up its own id, so that its neighbours know it.
    var hasJoined = false
    /// Whether strangers' packets arrive; nil when that is not to be found out.
    var reach: Reach?

    init(_ family: AddressFamily, id: NodeID, _ configuration: DHTConfiguration) {
        self.family = family
        self.id = id
        if configuration.readOnly == .byEvidence { reach = Reach() }
        table = RoutingTable(own: id, size: configuration.width, groups: configuration.groups)
    }
}

/// Both of them; those without a socket stay empty and are never asked.
struct Sides: Sendable {
    private var both: [Side]
    /// The families that this node has a socket of, IPv4 first.
    let families: [AddressFamily]

    /// - Parameter ids: of IPv4 and of IPv6. They may be the same until an address entitles to another.
    init(_ configuration: DHTConfiguration, ids: (NodeID, NodeID)) {
        families = AddressFamily.allCases.filter(configuration.families.contains)
        both = [Side(.v4, id: ids.0, configuration), Side(.v6, id: ids.1, configuration)]
    }

    /// The side of one family. It is lent, not copied: a copied table costs as much as the answer that needs it.
    subscript(family: AddressFamily) -> Side {
        _read { yield both[family.rawValue] }
        _modify { yield &both[family.rawValue] }
    }

    /// The ids under which this node is known.
    var ids: [NodeID] { families.map { both[$0.rawValue].id } }

    /// How many nodes are known.
    var known: Int { both[0].table.count + both[1].table.count }
}
