// Whether strangers' packets arrive, in words for people.
// It must never say more than was seen.

extension DHTConfiguration.ReadOnly {
    /// - Parameter setting: `auto`, `true` or `false`.
    init(_ setting: String) {
        switch setting {
        case "true": self = .always
        case "false": self = .never
        default: self = .byEvidence
        }
    }
}

extension [NodeSnapshot.Presence] {
    /// A sentence for each network that the node is in.
    func words(_ setting: String) -> String {
        guard setting == "auto" else { return "not looked at, as dht.read_only is \(setting)" }
        return compactMap { presence in
            presence.reach.map { (count > 1 ? "over \(presence.family.name): " : "") + $0.words }
        }.joined(separator: "; ")
    }
}

extension Reach {
    fileprivate var words: String {
        switch verdict {
        case .open: "strangers' packets arrive"
        case .shut:
            "in \(Self.patience / 60_000) minutes no stranger's packet arrived: this node is behind a NAT or a firewall, and "
                + "asks others not to count on it"
        case .unknown where waitingSince == nil:
            "not known: that takes \(Self.leastNodes) good peers of the internet, and there are \(known)"
        case .unknown: "not known yet: a stranger's packet is waited for"
        }
    }
}
