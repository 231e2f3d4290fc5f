// What dht-d remembers between runs: its id, the nodes it knows and its own cards, as one bencoded file.
// It must never leave a half-written file behind, nor believe one that it cannot read to the last byte.

import Glibc

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

    /// Why the file cannot be used.
    struct Failure: Error, CustomStringConvertible {
        let step: String
        let path: String
        let code: Int32
        var description: String { "\(step) \(path): \(String(cString: strerror(code)))" }
    }

    /// Reads the file.
    ///
    /// - Throws: `Failure` when the file is there and cannot be read at all.
    func read() throws(Failure) -> Found {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return .nothing }
            throw failure("open")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: BencodeLimits.stateFile.size + 1)
        var length = 0
        while length < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure("read") }
            if got == 0 { break }
            length += got
        }
        if let state = RememberedState(decoding: Array(bytes.prefix(length))) { return .state(state) }
        let aside = path + ".damaged"
        guard rename(path, aside) == 0 else { throw failure("rename") }
        return .damaged(movedTo: aside)
    }

    /// Replaces the file at once or not at all, and only returns when it is on the disk.
    func write(_ state: RememberedState) throws(Failure) {
        let fresh = path + ".new"
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("create") }
        defer { close(descriptor) }
        let bytes = state.encoded()
        var sent = 0
        while sent < bytes.count {
            let wrote = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent)
            }
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else { throw failure("write") }
            sent += wrote
        }
        guard fsync(descriptor) == 0 else { throw failure("fsync") }
        guard rename(fresh, path) == 0 else { throw failure("rename") }
        let folder = open(
            String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/.", O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("open the folder of") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("fsync the folder of") }
    }

    private func failure(_ step: String) -> Failure { Failure(step: step, path: path, code: errno) }
}
