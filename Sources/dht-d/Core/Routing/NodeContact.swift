// A node and where it is, as it travels in `nodes` (BEP 5 compact node info).
// It must never carry more than id and endpoint: what we think of the node is the routing table's.

/// One node as others name it.
public struct NodeContact: Hashable, Sendable {
    /// The id it claims.
    public let id: NodeID
    /// Where it is reached.
    public let endpoint: Endpoint

    /// A contact from its parts.
    public init(id: NodeID, endpoint: Endpoint) {
        self.id = id
        self.endpoint = endpoint
    }

    /// The number of bytes in the compact form.
    public static let byteCount = 26

    /// Reads a string of 26-byte entries; nil when the length does not fit.
    public static func list(compact bytes: ArraySlice<UInt8>) -> [NodeContact]? {
        guard bytes.count.isMultiple(of: byteCount) else { return nil }
        var out: [NodeContact] = []
        out.reserveCapacity(bytes.count / byteCount)
        var rest = bytes
        while !rest.isEmpty {
            let entry = rest.prefix(byteCount)
            rest = rest.dropFirst(byteCount)
            guard let id = NodeID(bytes: entry.prefix(NodeID.byteCount)),
                let endpoint = Endpoint(compact: entry.suffix(6))
            else { return nil }
            out.append(NodeContact(id: id, endpoint: endpoint))
        }
        return out
    }

    /// The 26-byte entries of `contacts`.
    public static func compact(_ contacts: some Sequence<NodeContact>) -> [UInt8] {
        var out: [UInt8] = []
        for contact in contacts { out += contact.id.bytes + contact.endpoint.compact }
        return out
    }
}
