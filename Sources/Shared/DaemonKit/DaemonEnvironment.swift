// Everything that a daemon is given: configuration, directories, sockets, lines to its siblings, log, metrics.
// It must never offer a line that Grants has no row for.

public import IPC
public import Logging
public import NIOCore
public import NodeConfig
import Policy
public import Wire

/// A daemon's world.
public struct DaemonEnvironment<Config: Codable & Sendable>: Sendable {
    public let role: Role
    public let config: Config
    public let node: NodeSection
    public let log: Logger
    public let group: any EventLoopGroup
    /// The one event loop on which connections and handlers live.
    public var loop: any EventLoop { group.any() }
    /// Listening sockets from outside the house, by label: `http`, `peer`, `dht`, `dht6`, `handoff`.
    /// A label is absent when its port was taken.
    public let sockets: [String: [Int32]]
    /// Connections that the process before this one handed to the parent, by the label of the socket they came in on.
    public let kept: [String: [Int32]]
    /// Who keeps connections for the next process.
    public let keeper: ConnectionKeeper
    /// Its own directory for what lasts.
    public let stateDirectory: String
    /// Its own directory for what does not outlive a boot.
    public let runtimeDirectory: String
    /// Where secrets lie that the parent unsealed for this daemon alone; nil when it has none.
    public let credentialsDirectory: String?
    public let metrics: MetricsRegistry

    public init(
        role: Role, config: Config, node: NodeSection, log: Logger, group: any EventLoopGroup,
        sockets: [String: [Int32]], kept: [String: [Int32]] = [:],
        keeper: ConnectionKeeper = ConnectionKeeper(), stateDirectory: String, runtimeDirectory: String,
        credentialsDirectory: String? = nil, metrics: MetricsRegistry
    ) {
        self.role = role
        self.config = config
        self.node = node
        self.log = log
        self.group = group
        self.sockets = sockets
        self.kept = kept
        self.keeper = keeper
        self.stateDirectory = stateDirectory
        self.runtimeDirectory = runtimeDirectory
        self.credentialsDirectory = credentialsDirectory
        self.metrics = metrics
    }

    /// A line to a sibling. Keep it: it holds one connection and renews it.
    public func link(to callee: Role) -> PeerLink {
        let path = NodePaths.socket(runDirectory: node.runDirectory, callee: callee, caller: role)
        return PeerLink(callee: callee, path: path, loop: loop, log: log)
    }
}
