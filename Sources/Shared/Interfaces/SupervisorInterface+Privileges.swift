// The service table as the supervisor tells it to people.
// It must never tell what is in force: that is the kernel's to say, and whoever asks reads it in /proc.

public import Wire

extension SupervisorInterface {
    /// What each process of the node was given.
    public struct Privileges: Request {
        public static let spec = MethodSpec(
            "supervisor.privileges", "What each process is given: the service table and the grants.")

        /// A row of the service table.
        public struct Row: WireValue, Hashable {
            public var daemon: Role
            /// Its one power, in words.
            public var summary: String
            public var user: String
            public var groups: [String]
            /// Address families in which it may make sockets.
            public var families: [String]
            /// What it may read and execute besides its own program, libraries and directories.
            public var reads: [String]
            public var executes: [String]
            public var devices: [String]
            public var maximumFiles: UInt64
            public var maximumTasks: UInt64
            public var memoryMiB: UInt64

            enum CodingKeys: String, CodingKey {
                case daemon, summary, user, groups, families, reads, executes, devices
                case maximumFiles = "maximum_files"
                case maximumTasks = "maximum_tasks"
                case memoryMiB = "memory_mib"
            }
            public init(
                daemon: Role, summary: String, user: String, groups: [String], families: [String],
                reads: [String], executes: [String], devices: [String], maximumFiles: UInt64,
                maximumTasks: UInt64, memoryMiB: UInt64
            ) {
                self.daemon = daemon
                self.summary = summary
                self.user = user
                self.groups = groups
                self.families = families
                self.reads = reads
                self.executes = executes
                self.devices = devices
                self.maximumFiles = maximumFiles
                self.maximumTasks = maximumTasks
                self.memoryMiB = memoryMiB
            }
        }

        /// What one process may ask of another.
        public struct Right: WireValue, Hashable {
            public var caller: Role
            public var callee: Role
            public var methods: [String]
            public init(caller: Role, callee: Role, methods: [String]) {
                self.caller = caller
                self.callee = callee
                self.methods = methods
            }
        }

        public struct Reply: WireValue, Hashable {
            public var rows: [Row]
            public var grants: [Right]
            public init(rows: [Row], grants: [Right]) {
                self.rows = rows
                self.grants = grants
            }
        }

        public init() {}
        public static var example: (request: Privileges, reply: Reply) {
            let row = Row(
                daemon: .ledger, summary: "keys and the ledger", user: "infernet-ledger", groups: [],
                families: ["AF_UNIX"], reads: [], executes: [], devices: [], maximumFiles: 1024,
                maximumTasks: 64, memoryMiB: 256)
            let right = Right(caller: .exec, callee: .ledger, methods: ["ledger.unwrap_key"])
            return (Privileges(), Reply(rows: [row], grants: [right]))
        }
    }
}
