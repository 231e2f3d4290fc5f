// The form of one row of the service table: everything that a process is given, and thereby all it has.
// It must never hold a fact about what the process does with it.

public import Wire

/// What a process may have to do with networks.
public enum NetworkPower: String, Sendable {
    /// Unix sockets only, in an empty network of its own.
    case none
    /// It speaks on the sockets it was handed; it can make none, in an empty network of its own.
    case handedSockets
    /// It may make TCP and UDP sockets.
    case own

    /// The address families in which it may make sockets, as socket(2) names them.
    public var families: [String] { self == .own ? ["AF_UNIX", "AF_INET", "AF_INET6"] : ["AF_UNIX"] }
}

/// A kind of device that a process may open.
public struct DeviceGrant: Sendable, Hashable {
    /// The driver's name in /proc/devices, as `DeviceAllow=` takes it.
    public let driver: String
    /// Its nodes, as a pattern of the shell.
    public let nodes: String
}

/// One process's powers.
public struct ServiceRow: Sendable, Hashable {
    public let role: Role
    /// Its one power, in words.
    public let summary: String
    /// The system user it runs as when the parent is root and the user exists; its own group has the same name.
    public let user: String
    /// Supplementary groups, by name; those that do not exist are left out and said in status.
    public let groups: [String]
    /// Sockets from outside the house.
    public let sockets: [OutsideSocket]
    /// Started when all of a lower order are ready or had their time.
    public let startOrder: Int
    public let network: NetworkPower
    /// Mode of its state directory.
    public let stateMode: UInt16
    /// What it may read besides its own directories, its program, its libraries and `/dev/null`.
    public let readable: [String]
    /// What it may execute besides its own program.
    public let executable: [String]
    /// Devices it may open.
    public let devices: [DeviceGrant]
    /// Whether it sees all of `/proc`, and not only processes of its own user.
    public let seesProcesses: Bool
    /// Secrets that systemd hands it when the machine has them.
    public let credentials: [String]
    public let systemCalls: SystemCallProfile
    public let maximumFiles: UInt64
    /// Processes and threads.
    public let maximumTasks: UInt64
    /// Memory that is its own, in MiB; more is refused, or ends it.
    public let memoryMiB: UInt64
    /// Connections that its parent keeps for it while it restarts, at most.
    public let keptConnections: Int
    /// How long without a sign of life before it is killed, in milliseconds.
    public let watchdogMs: Int
    /// How long from spawn to READY, in milliseconds.
    public let startTimeoutMs: Int
    /// How long between the request to stop and SIGKILL, in milliseconds.
    public let stopTimeoutMs: Int
    /// Restarts within a minute before the parent gives up.
    public let restartsPerMinute: Int
    /// The highest exposure that `systemd-analyze security` may find, in tenths.
    public let exposureTenths: Int

    init(
        _ role: Role, _ summary: String, user: String, groups: [String] = [], sockets: [OutsideSocket] = [],
        startOrder: Int, network: NetworkPower, stateMode: UInt16 = 0o700, readable: [String] = [],
        executable: [String] = [], devices: [DeviceGrant] = [], seesProcesses: Bool = false,
        credentials: [String] = [], systemCalls: SystemCallProfile = .service, maximumFiles: UInt64 = 1024,
        maximumTasks: UInt64 = 64, memoryMiB: UInt64, keptConnections: Int = 0, exposureTenths: Int
    ) {
        self.role = role
        self.summary = summary
        self.user = user
        self.groups = groups
        self.sockets = sockets
        self.startOrder = startOrder
        self.network = network
        self.stateMode = stateMode
        self.readable = readable
        self.executable = executable
        self.devices = devices
        self.seesProcesses = seesProcesses
        self.credentials = credentials
        self.systemCalls = systemCalls
        self.maximumFiles = maximumFiles
        self.maximumTasks = maximumTasks
        self.memoryMiB = memoryMiB
        self.keptConnections = keptConnections
        self.exposureTenths = exposureTenths
        watchdogMs = 10_000
        startTimeoutMs = 10_000
        stopTimeoutMs = 8_000
        restartsPerMinute = 60
    }

    /// Bits that files made by it do not get.
    public var fileMask: UInt32 { stateMode & 0o005 == 0o005 ? 0o022 : 0o077 }

    /// Those whose sockets it may find: it has a right at them.
    public var callees: [Role] { Grants.all.filter { $0.caller == role }.map(\.callee) }
}
