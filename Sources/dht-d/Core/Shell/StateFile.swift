// What dht-d remembers between runs: its id, the nodes it knows and its own cards, as one bencoded file.
// It must never believe a file that it cannot read to the last byte.

/// The contents of the state file.
struct RememberedState: Equatable, Sendable {
    /// Among nodes of IPv4.
    var id: NodeID
    /// Among nodes of IPv6.
    var idV6: NodeID
    /// Of both families, IPv4 first.
    var nodes: [NodeContact] = []
    var cards: [CardRecord] = []
    /// Our own provider's.
    var descriptor: CardRecord?

    /// Most nodes that are kept of each family.
    static let maximumNodes = 200

    func encoded() -> [UInt8] {
        var writer = BencodeWriter(capacity: 8192)
        writer.beginDictionary()
        writer.key("cards")
        writer.beginList()
        for card in cards { writer.raw(card.encoded) }
        writer.end()
        if let descriptor {
            writer.key("descriptor")
            writer.raw(descriptor.encoded)
        }
        writer.key("id")
        writer.bytes(id.bytes)
        writer.key("id6")
        writer.bytes(idV6.bytes)
        writer.key("nodes")
        writer.bytes(compact(.v4))
        writer.key("nodes6")
        writer.bytes(compact(.v6))
        writer.key("version")
        writer.integer(1)
        writer.end()
        return writer.output
    }

    /// Takes what is known of one network.
    mutating func replace(_ family: AddressFamily, id own: NodeID, nodes fresh: [NodeContact]) {
        if family == .v4 { id = own } else { idV6 = own }
        let others = nodes.filter { $0.endpoint.family != family }
        nodes = family == .v4 ? fresh + others : others + fresh
    }

    private func compact(_ family: AddressFamily) -> [UInt8] {
        NodeContact.compact(
            nodes.lazy.filter { $0.endpoint.family == family }.prefix(Self.maximumNodes), family)
    }

    init(id: NodeID, idV6: NodeID? = nil, nodes: [NodeContact] = [], cards: [CardRecord] = []) {
        self.id = id
        self.idV6 = idV6 ?? id
        self.nodes = nodes
        self.cards = cards
    }

    /// Nil when the bytes are not what `encoded` writes, now or before it knew IPv6.
    init?(decoding bytes: [UInt8]) {
        guard let value = try? BencodeDecoder.decode(bytes[...], limits: .stateFile),
            value["version"]?.integer == 1, let id = value["id"]?.bytes.flatMap(NodeID.init(bytes:)),
            let nodes = value["nodes"]?.bytes.flatMap({ NodeContact.list(compact: $0, .v4) }),
            let list = value["cards"]?.list
        else { return nil }
        self.init(id: id, nodes: nodes, cards: list.compactMap(CardRecord.init(decoding:)))
        guard cards.count == list.count else { return nil }
        if let own = value["descriptor"] {
            guard let record = CardRecord(decoding: own) else { return nil }
            descriptor = record
        }
        if let own = value["id6"] {
            guard let own = own.bytes.flatMap(NodeID.init(bytes:)),
                let more = value["nodes6"]?.bytes.flatMap({ NodeContact.list(compact: $0, .v6) })
            else { return nil }
            idV6 = own
            self.nodes += more
        }
    }
}

/// The file that `RememberedState` is kept in.
struct StateFile: Sendable {
    let path: String

    /// What reading found.
    enum Found: Equatable {
        case nothing
        case state(RememberedState)
        /// Unreadable; it was moved to this path, so that nothing is lost and the next start is clean.
        case damaged(movedTo: String)
    }

    typealias Failure = WholeFile.Failure

    /// Reads the file.
    ///
    /// - Throws: `Failure` when the file is there and cannot be read at all.
    func read() throws(Failure) -> Found {
        let file = WholeFile(path: path)
        guard let bytes = try file.read(atMost: BencodeLimits.stateFile.size + 1) else { return .nothing }
        if let state = RememberedState(decoding: bytes) { return .state(state) }
        return .damaged(movedTo: try file.setAside())
    }

    /// Replaces the file at once or not at all, and only returns when it is on the disk.
    func write(_ state: RememberedState) throws(Failure) {
        try WholeFile(path: path).write(state.encoded())
    }
}
