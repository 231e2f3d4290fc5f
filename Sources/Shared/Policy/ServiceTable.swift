// What each daemon is given: user, sockets, directories, system calls, limits, order. The only place of these facts:
// the spawned mode applies it, unit files and docs/PRIVILEGES.md are rendered from it.
// It must never hold a fact about what a daemon does with them.

public import Wire

/// The table of services.
public enum ServiceTable {
    /// What resolving names needs.
    private static let names = [
        "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
        "/etc/services", "/run/systemd/resolve",
    ]
    /// Whom a TLS client of this machine trusts.
    private static let authorities = [
        "/etc/ssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    ]
    /// What a daemon may see of the machine it computes on.
    private static let machine = ["/sys/class/drm", "/sys/devices", "/sys/bus/pci"]

    public static let rows: [ServiceRow] = [
        ServiceRow(
            .ledger, "keys and the ledger, no network at all", user: "infernet-ledger", startOrder: 0,
            network: .none, credentials: ["infernet-node.key", "infernet-lightning.key"],
            memoryMiB: 256, exposureTenths: 5),
        ServiceRow(
            .content, "the content store", user: "infernet-content", sockets: [.handoff], startOrder: 0,
            network: .none, stateMode: 0o755, memoryMiB: 512, exposureTenths: 5),
        ServiceRow(
            .exec, "runs models in containers", user: "infernet-exec", groups: ["docker"], startOrder: 1,
            network: .none, stateMode: 0o711, readable: machine,
            executable: ["/usr/bin", "/usr/local/bin", "/opt/rocm"],
            devices: [
                DeviceGrant(driver: "char-nvidia*", nodes: "/dev/nvidia*"),
                DeviceGrant(driver: "char-kfd", nodes: "/dev/kfd"),
                DeviceGrant(driver: "char-drm", nodes: "/dev/dri/*"),
            ],  // In spawned mode its engines' threads count with its own: they run as its user.
            seesProcesses: true, maximumTasks: 512, memoryMiB: 512, exposureTenths: 15),
        ServiceRow(
            .dht, "Kademlia over UDP sockets that it was handed", user: "infernet-dht",
            sockets: [.dht, .dht6],
            startOrder: 1, network: .handedSockets, memoryMiB: 256, exposureTenths: 8),
        ServiceRow(
            .aggregator, "plans, dispatches and verifies jobs", user: "infernet-aggregator", startOrder: 2,
            network: .none, memoryMiB: 512, exposureTenths: 8),
        ServiceRow(
            .ws, "TCP: HTTP and WebSocket, in and out", user: "infernet-ws", sockets: [.http, .sale, .peer],
            startOrder: 3, network: .own, readable: names + authorities, maximumFiles: 16_384,
            memoryMiB: 1024,
            keptConnections: 64, exposureTenths: 15),
    ]

    /// The supervisor where systemd starts the daemons: it watches them over RPC, and tells.
    public static let watcher = ServiceRow(
        .supervisor, "watches the daemons and tells how they are", user: "infernet-supervisor",
        startOrder: 0, network: .none, seesProcesses: true, memoryMiB: 256,
        exposureTenths: 8)

    /// The row of a daemon; nil for the supervisor and the person's hand, which the table does not start.
    public static func row(_ role: Role) -> ServiceRow? { rows.first { $0.role == role } }

    /// The group whose members may use `infernetctl` when the supervisor is root.
    public static let operatorGroup = "infernet"

    /// The group whose members may use Docker's socket, and thereby are root.
    public static let dockerGroup = "docker"

    /// Where Docker's socket may be; hidden from all but those in its group.
    public static let dockerSockets = ["/run/docker.sock"]

    /// Where a system's libraries are.
    public static let libraries = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"]

    /// What every process may read besides: what its runtime asks for, which is the same on every machine of a kind.
    /// `/proc` shows it what belongs to its own user.
    public static let readableByAll = [
        "/proc", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage", "/sys/fs/cgroup",
        "/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom",
    ]

    /// Exit codes after which a start is pointless until a person has acted. A test holds them against DaemonKit's.
    public static let permanentExits: [Int32] = [77, 78]

    /// Set in a daemon's environment by a parent that cannot close files by Landlock itself: the daemon does it.
    public static let confineFiles = "INFERNET_CONFINE_FILES"

    /// The label of the socket on which `callee` hears `caller`, in LISTEN_FDNAMES.
    public static func label(for caller: Role) -> String { "rpc.\(caller.rawValue)" }

    /// The label of connections that came in on a socket and were kept over a restart.
    public static func label(keptFrom socket: OutsideSocket) -> String { "kept.\(socket.rawValue)" }

    /// Where that socket lies under the run directory.
    public static func socketPath(runDirectory: String, callee: Role, caller: Role) -> String {
        "\(runDirectory)/\(callee.rawValue)/\(caller.rawValue).sock"
    }
}
