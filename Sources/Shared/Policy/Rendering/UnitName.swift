// What the units are called. It must never be spelled out anywhere else.

public import Wire

/// Names of systemd units.
public enum UnitName {
    /// All of the node.
    public static let target = "infernet.target"
    /// Checks the configuration and deals out its parts; nothing starts without it.
    public static let configuration = "infernet-config.service"
    /// What a connection to any socket starts; see `SocketUnits`.
    public static let activation = "infernet-activation.service"

    /// `infernet-ledger`, and `infernet-supervisor` as it is.
    static func stem(_ role: Role) -> String {
        role == .supervisor ? role.rawValue : "infernet-\(role.interface)"
    }

    public static func service(_ role: Role) -> String { "\(stem(role)).service" }

    /// The socket on which `callee` hears `caller`.
    public static func socket(_ callee: Role, from caller: Role) -> String {
        "\(stem(callee))-rpc-\(caller.interface).socket"
    }

    /// A socket to the outside.
    public static func socket(_ role: Role, _ socket: OutsideSocket) -> String {
        "\(stem(role))-\(socket.rawValue).socket"
    }

    /// All sockets of one service, in the order of its callers.
    static func sockets(of row: ServiceRow) -> [String] {
        Grants.callers(of: row.role).map { socket(row.role, from: $0) }
            + row.sockets.map { socket(row.role, $0) }
    }
}
