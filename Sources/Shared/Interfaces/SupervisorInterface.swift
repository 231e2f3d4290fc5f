// What the supervisor answers: the state of the house, logs, restarts.
// It must never take a byte that came from a peer.

public import Wire

/// The methods of infernet-supervisor.
public enum SupervisorInterface {
    public static let methods: [MethodSpec] = [
        Status.spec, Restart.spec, Shutdown.spec, Logs.spec, Metrics.spec, Health.spec, ShowConfig.spec,
        Privileges.spec, Drain.spec,
    ]

    /// How a daemon's last `STATUS` begins when it tells why it ends.
    public static let failureMark = "failed: "

    /// The states of a supervised daemon.
    public enum State: String, Codable, Sendable, CaseIterable {
        case down, starting, ready, degraded, stopping, backoff, failed
    }

    /// How a daemon's process ended.
    public struct Death: WireValue, Hashable {
        public var daemon: Role
        public var pid: Int32
        /// Unix milliseconds.
        public var at: Int64
        /// Set when the process exited by itself.
        public var exitCode: Int32?
        /// Set when a signal ended it, as `SIGKILL`.
        public var signal: String?
        /// In words, as "killed by SIGKILL" or "exit 78: the configuration is wrong".
        public var reason: String
        public var uptimeMs: Int64
        public var lastLines: [String]

        enum CodingKeys: String, CodingKey {
            case daemon, pid, at, signal, reason
            case exitCode = "exit_code"
            case uptimeMs = "uptime_ms"
            case lastLines = "last_lines"
        }
        public init(
            daemon: Role, pid: Int32, at: Int64, exitCode: Int32?, signal: String?, reason: String,
            uptimeMs: Int64,
            lastLines: [String]
        ) {
            self.daemon = daemon
            self.pid = pid
            self.at = at
            self.exitCode = exitCode
            self.signal = signal
            self.reason = reason
            self.uptimeMs = uptimeMs
            self.lastLines = lastLines
        }
    }

    /// The walls around a daemon.
    public struct Sandbox: WireValue, Hashable {
        /// In a few words each, as "own user" or "system calls".
        public var inForce: [String]
        /// Those that this machine does not allow, each with its reason.
        public var missing: [String]

        enum CodingKeys: String, CodingKey {
            case missing
            case inForce = "in_force"
        }
        public init(inForce: [String], missing: [String]) {
            self.inForce = inForce
            self.missing = missing
        }
    }

    /// One daemon as the supervisor sees it.
    public struct DaemonStatus: WireValue, Hashable {
        public var daemon: Role
        public var state: State
        /// Why it is in this state.
        public var reason: String
        /// What a person can do, when there is something to do.
        public var fix: String?
        /// Unix milliseconds since when it has been in this state.
        public var since: Int64
        public var pid: Int32?
        public var uid: UInt32?
        public var user: String?
        public var restarts: Int
        public var lastDeath: Death?
        /// Proportional set size, in KiB.
        public var memoryKiB: Int?
        /// Since its last sign of life, in milliseconds.
        public var watchdogAgeMs: Int64?
        public var checks: [ControlInterface.Check]
        /// What confines it; absent when nobody can tell.
        public var sandbox: Sandbox?

        enum CodingKeys: String, CodingKey {
            case daemon, state, reason, fix, since, pid, uid, user, restarts, checks, sandbox
            case lastDeath = "last_death"
            case memoryKiB = "memory_kib"
            case watchdogAgeMs = "watchdog_age_ms"
        }
        public init(
            daemon: Role, state: State, reason: String, fix: String? = nil, since: Int64, pid: Int32? = nil,
            uid: UInt32? = nil, user: String? = nil, restarts: Int = 0, lastDeath: Death? = nil,
            memoryKiB: Int? = nil,
            watchdogAgeMs: Int64? = nil, checks: [ControlInterface.Check] = [], sandbox: Sandbox? = nil
        ) {
            self.daemon = daemon
            self.state = state
            self.reason = reason
            self.fix = fix
            self.since = since
            self.pid = pid
            self.uid = uid
            self.user = user
            self.restarts = restarts
            self.lastDeath = lastDeath
            self.memoryKiB = memoryKiB
            self.watchdogAgeMs = watchdogAgeMs
            self.checks = checks
            self.sandbox = sandbox
        }
    }

    /// The state of the whole node.
    public struct Status: Request {
        public static let spec = MethodSpec("supervisor.status", "The state of the node and of each daemon.")
        public struct Reply: WireValue, Hashable {
            public var version: String
            /// `ready`, `degraded`, `starting`, `stopping` or `failed`: the worst of the daemons.
            public var state: State
            public var reason: String
            public var fix: String?
            public var pid: Int32
            /// `spawned` or `systemd`.
            public var mode: String
            /// Whether all daemons share one uid, and why.
            public var singleUid: Bool
            public var isolation: String
            public var uptimeMs: Int64
            public var stateDirectory: String
            public var runDirectory: String
            /// Whether it takes jobs; absent when aggregator-d was never asked not to.
            public var work: Work?
            public var daemons: [DaemonStatus]

            enum CodingKeys: String, CodingKey {
                case version, state, reason, fix, pid, mode, isolation, work, daemons
                case singleUid = "single_uid"
                case uptimeMs = "uptime_ms"
                case stateDirectory = "state_directory"
                case runDirectory = "run_directory"
            }
            public init(
                version: String, state: State, reason: String, fix: String?, pid: Int32, mode: String,
                singleUid: Bool,
                isolation: String, uptimeMs: Int64, stateDirectory: String, runDirectory: String,
                work: Work? = nil, daemons: [DaemonStatus]
            ) {
                self.version = version
                self.state = state
                self.reason = reason
                self.fix = fix
                self.pid = pid
                self.mode = mode
                self.singleUid = singleUid
                self.isolation = isolation
                self.uptimeMs = uptimeMs
                self.stateDirectory = stateDirectory
                self.runDirectory = runDirectory
                self.work = work
                self.daemons = daemons
            }
        }
        public init() {}
        public static var example: (request: Status, reply: Reply) {
            let daemon = DaemonStatus(
                daemon: .ledger, state: .ready, reason: "ready", since: 1_790_000_000_000, pid: 4242,
                uid: 990,
                user: "infernet-ledger", memoryKiB: 8_100, watchdogAgeMs: 400,
                sandbox: Sandbox(
                    inForce: ["own user", "system calls"], missing: ["files: this kernel has no Landlock"]))
            return (
                Status(),
                Reply(
                    version: Build.version, state: .ready, reason: "all daemons are ready", fix: nil,
                    pid: 4200,
                    mode: "spawned", singleUid: false, isolation: "one uid per daemon", uptimeMs: 60_000,
                    stateDirectory: "/var/lib/infernet", runDirectory: "/run/infernet", daemons: [daemon])
            )
        }
    }

    /// Restarts one daemon.
    public struct Restart: Request {
        public static let spec = MethodSpec("supervisor.restart", deadlineMs: 30_000, "Restarts one daemon.")
        public typealias Reply = Done
        public var daemon: Role
        public init(daemon: Role) { self.daemon = daemon }
        public static var example: (request: Restart, reply: Done) { (Restart(daemon: .ws), Done()) }
    }

    /// Drains and stops the node.
    public struct Shutdown: Request {
        public static let spec = MethodSpec("supervisor.shutdown", "Drains and stops the node.")
        public typealias Reply = Done
        public init() {}
        public static var example: (request: Shutdown, reply: Done) { (Shutdown(), Done()) }
    }

    /// Gives log lines, old ones first, then new ones as they come.
    public struct Logs: StreamRequest {
        public static let spec = MethodSpec(
            "supervisor.logs", deadlineMs: 86_400_000, "Streams log lines, old ones first, then new ones.")
        public typealias Reply = Done
        public struct Event: WireValue, Hashable {
            /// One JSON object, without its line end.
            public var line: String
            public init(line: String) { self.line = line }
        }
        /// Only lines of this job.
        public var job: String?
        public var daemon: Role?
        /// Unix milliseconds.
        public var since: Int64?
        /// How many old lines at most.
        public var tail: Int
        public var follow: Bool
        public init(
            job: String? = nil, daemon: Role? = nil, since: Int64? = nil, tail: Int = 200,
            follow: Bool = false
        ) {
            self.job = job
            self.daemon = daemon
            self.since = since
            self.tail = tail
            self.follow = follow
        }
        public static var example: (request: Logs, reply: Done) { (Logs(tail: 10), Done()) }
        public static var eventExample: Event {
            Event(
                line:
                    "{\"ts\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"daemon\":\"exec-d\",\"msg\":\"ready\"}"
            )
        }
    }

    /// Everybody's metrics, with a `daemon` label on each.
    public struct Metrics: Request {
        public static let spec = MethodSpec(
            "supervisor.metrics", "The metrics of all daemons as Prometheus text.")
        public typealias Reply = ControlInterface.Metrics.Reply
        public init() {}
        public static var example: (request: Metrics, reply: Reply) {
            (Metrics(), Reply(text: "infernet_daemon_up{daemon=\"exec-d\"} 1\n"))
        }
    }

    /// One word and its reason, for load balancers.
    public struct Health: Request {
        public static let spec = MethodSpec(
            "supervisor.health", "The node's state in one word, with its reason.")
        public struct Reply: WireValue, Hashable {
            public var state: State
            public var reason: String
            public var fix: String?
            public init(state: State, reason: String, fix: String? = nil) {
                self.state = state
                self.reason = reason
                self.fix = fix
            }
        }
        public init() {}
        public static var example: (request: Health, reply: Reply) {
            (Health(), Reply(state: .ready, reason: "all daemons are ready"))
        }
    }

    /// The configuration in force.
    public struct ShowConfig: Request {
        public static let spec = MethodSpec(
            "supervisor.show_config", "The configuration in force, defaults included.")
        public struct Reply: WireValue, Hashable {
            /// YAML.
            public var text: String
            public var path: String?
            public init(text: String, path: String?) {
                self.text = text
                self.path = path
            }
        }
        public init() {}
        public static var example: (request: ShowConfig, reply: Reply) {
            (ShowConfig(), Reply(text: "log: {level: info}\n", path: "/etc/infernet/infernet.yaml"))
        }
    }
}
