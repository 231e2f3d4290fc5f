// Everything that is decided about a child before it starts. Nothing is inherited that is not named here, except the
// working directory when none is given.

/// How to start one child.
public struct SpawnRequest: Sendable {
    /// A descriptor for the child, with the label it finds it by.
    public struct PassedDescriptor: Sendable, Equatable {
        /// Its name in LISTEN_FDNAMES; no colon.
        public var label: String
        /// The parent's descriptor; it stays open and the parent's.
        public var descriptor: Int32

        /// A labelled descriptor.
        public init(_ label: String, _ descriptor: Int32) {
            self.label = label
            self.descriptor = descriptor
        }
    }

    /// The ids a child takes on.
    public struct Identity: Sendable, Equatable {
        /// Real, effective and saved user.
        public var uid: UInt32
        /// Real, effective and saved group.
        public var gid: UInt32
        /// Supplementary groups, all of them.
        public var groups: [UInt32]

        /// The ids of a child.
        public init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    /// A resource limit; soft and hard alike.
    public enum Limit: Sendable, Equatable {
        /// Open descriptors.
        case openFiles(UInt64)
        /// Bytes of a core dump.
        case coreBytes(UInt64)
        /// Processes and threads of the child's user. Counts the whole user, not the child.
        case processes(UInt64)
        /// Bytes of address space.
        case addressSpaceBytes(UInt64)
        /// Bytes of writable memory of its own: heap, anonymous maps and stacks.
        case dataBytes(UInt64)
        /// Bytes that it may lock into memory.
        case lockedBytes(UInt64)
    }

    /// Absolute path of the program.
    public var executable: String
    /// Its arguments, without the program's own name.
    public var arguments: [String]
    /// The whole environment of the child. LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID are added when descriptors
    /// are passed.
    public var environment: [String: String]
    /// Where it starts; nil inherits.
    public var directory: String?
    /// What becomes descriptors 0, 1 and 2; nil is /dev/null.
    public var standardInput: Int32?
    /// See `standardInput`.
    public var standardOutput: Int32?
    /// See `standardInput`.
    public var standardError: Int32?
    /// What becomes descriptors 3, 4, …
    public var passed: [PassedDescriptor] = []
    /// Ids to take on; nil keeps the parent's. Needs root.
    public var identity: Identity?
    /// Empties the bounding and ambient capability sets. Needs root.
    public var dropsCapabilities = false
    /// No exec of the child or its children ever raises privileges.
    public var noNewPrivileges = true
    /// Makes the child leader of its own session and process group; what is left of the group when it ends is killed.
    public var newSession = true
    /// Sent to the child when the parent's spawning thread ends; 0 for none.
    public var parentDeathSignal: Int32 = 9
    /// Permission bits that files made by the child do not get.
    public var fileMask: UInt32 = 0o077
    /// Resource limits.
    public var limits: [Limit] = [.coreBytes(0)]
    /// A Landlock ruleset to restrict itself to; needs `noNewPrivileges`.
    public var landlockRuleset: Int32?
    /// A seccomp filter, one BPF instruction (`struct sock_filter`) per element; needs `noNewPrivileges`. It is in
    /// force before exec, so it must allow that.
    public var seccompFilter: [UInt64]?

    /// A request with everything else at its default.
    public init(
        executable: String, arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = "/"
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }
}
