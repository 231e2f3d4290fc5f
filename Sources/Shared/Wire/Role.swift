// The names of the processes of a node. A role is decided by the kernel (socket and uid), never by a message.
// It must never carry behaviour: powers live in Policy's tables.

/// A process of the node, by the name of its executable.
public enum Role: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    case supervisor = "infernet-supervisor"
    case ledger = "ledger-d"
    case content = "content-d"
    case exec = "exec-d"
    case dht = "dht-d"
    case aggregator = "aggregator-d"
    case ws = "ws-d"
    /// The person's hand, `infernetctl`.
    case ctl = "infernetctl"

    public var description: String { rawValue }

    /// The prefix of the methods that this process serves, as in `ledger.identity`.
    public var interface: String {
        switch self {
        case .supervisor: "supervisor"
        case .ledger: "ledger"
        case .content: "content"
        case .exec: "exec"
        case .dht: "dht"
        case .aggregator: "aggregator"
        case .ws: "ws"
        case .ctl: "ctl"
        }
    }

    /// The processes that run for as long as the node does, without the supervisor itself.
    public static let daemons: [Role] = [.ledger, .content, .exec, .dht, .aggregator, .ws]
}
