// What each daemon is given: user, sockets, directories, limits, order. The only place of these facts.
// It must never hold a fact about what a daemon does with them.

public import Wire

/// A socket from outside the house that the parent binds and hands over.
public enum OutsideSocket: String, Sendable, Hashable, CaseIterable {
    /// TCP, the OpenAI API, loopback.
    case http
    /// TCP, WebSocket between nodes.
    case peer
    /// UDP, Kademlia.
    case dht
    /// Unix, on which the person's hand gives files to content-d.
    case handoff
}

/// One daemon's powers.
public struct ServiceRow: Sendable, Hashable {
    public let role: Role
    /// The system user it runs as when the supervisor is root and the user exists.
    public let user: String
    /// Supplementary groups, by name; those that do not exist are left out and said in status.
    public let groups: [String]
    /// Sockets from outside the house.
    public let sockets: [OutsideSocket]
    /// Started when all of a lower order are ready or had their time.
    public let startOrder: Int
    /// Mode of its state directory.
    public let stateMode: UInt16
    public let maximumFiles: UInt64
    /// How long without a sign of life before it is killed, in milliseconds.
    public let watchdogMs: Int
    /// How long from spawn to READY, in milliseconds.
    public let startTimeoutMs: Int
    /// How long between the request to stop and SIGKILL, in milliseconds.
    public let stopTimeoutMs: Int

    init(
        _ role: Role, user: String, groups: [String] = [], sockets: [OutsideSocket] = [], startOrder: Int,
        stateMode: UInt16 = 0o700, maximumFiles: UInt64 = 1024
    ) {
        self.role = role
        self.user = user
        self.groups = groups
        self.sockets = sockets
        self.startOrder = startOrder
        self.stateMode = stateMode
        self.maximumFiles = maximumFiles
        watchdogMs = 10_000
        startTimeoutMs = 10_000
        stopTimeoutMs = 8_000
    }
}

/// The table of services.
public enum ServiceTable {
    public static let rows: [ServiceRow] = [
        ServiceRow(.ledger, user: "infernet-ledger", startOrder: 0),
        ServiceRow(.content, user: "infernet-content", sockets: [.handoff], startOrder: 0, stateMode: 0o755),
        ServiceRow(.exec, user: "infernet-exec", groups: ["docker"], startOrder: 1, stateMode: 0o711),
        ServiceRow(.dht, user: "infernet-dht", sockets: [.dht], startOrder: 1),
        ServiceRow(.aggregator, user: "infernet-aggregator", startOrder: 2),
        ServiceRow(.ws, user: "infernet-ws", sockets: [.http, .peer], startOrder: 3, maximumFiles: 16_384),
    ]

    /// The row of a daemon; nil for the supervisor and the person's hand, which the table does not start.
    public static func row(_ role: Role) -> ServiceRow? { rows.first { $0.role == role } }

    /// The group whose members may use `infernetctl` when the supervisor is root.
    public static let operatorGroup = "infernet"

    /// The label of the socket on which `callee` hears `caller`, in LISTEN_FDNAMES.
    public static func label(for caller: Role) -> String { "rpc.\(caller.rawValue)" }

    /// Where that socket lies under the run directory.
    public static func socketPath(runDirectory: String, callee: Role, caller: Role) -> String {
        "\(runDirectory)/\(callee.rawValue)/\(caller.rawValue).sock"
    }
}
