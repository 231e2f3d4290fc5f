// A node and where it is, as it travels in `nodes` (BEP 5) and `nodes6` (BEP 32).
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

    /// The number of bytes in the compact form: 26 or 38.
    public static func byteCount(_ family: AddressFamily) -> Int { NodeID.byteCount + family.compactCount }

    /// Reads a string of entries of one family; nil when the length does not fit.
    public static func list(compact bytes: ArraySlice<UInt8>, _ family: AddressFamily) -> [NodeContact]? {
        let byteCount = byteCount(family)
        guard bytes.count.isMultiple(of: byteCount) else { return nil }
        var out: [NodeContact] = []
        out.reserveCapacity(bytes.count / byteCount)
        var rest = bytes
        while !rest.isEmpty {
            let entry = rest.prefix(byteCount)
            rest = rest.dropFirst(byteCount)
            guard let id = NodeID(bytes: entry.prefix(NodeID.byteCount)) else { return nil }
            // An IPv4 address among IPv6 ones is nobody's; the others count.
            guard let endpoint = Endpoint(compact: entry.suffix(family.compactCount)) else { continue }
            out.append(NodeContact(id: id, endpoint: endpoint))
        }
        return out
    }

    /// The entries of those `contacts` that are of one family.
    public static func compact(_ contacts: some Sequence<NodeContact>, _ family: AddressFamily) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(contacts.underestimatedCount * byteCount(family))
        for contact in contacts where contact.endpoint.family == family {
            contact.id.append(to: &out)
            contact.endpoint.append(to: &out)
        }
        return out
    }
}
