// What a daemon tells of its own process, and how it is asked to make room for a fresh one.
// It must never tell more than /proc shows to everybody.

public import Wire

extension ControlInterface {
    /// Says what the process is.
    public struct Process: Request {
        public static let spec = MethodSpec(
            "control.process", "Says which process answers, since when, as whom, and what it costs.")
        public struct Reply: WireValue, Hashable {
            public var build: String
            public var pid: Int32
            public var uid: UInt32
            /// Unix milliseconds.
            public var startedAt: Int64
            /// Proportional set size, in KiB; absent when the kernel does not tell.
            public var memoryKiB: Int?

            enum CodingKeys: String, CodingKey {
                case build, pid, uid
                case startedAt = "started_at"
                case memoryKiB = "memory_kib"
            }
            public init(build: String, pid: Int32, uid: UInt32, startedAt: Int64, memoryKiB: Int?) {
                self.build = build
                self.pid = pid
                self.uid = uid
                self.startedAt = startedAt
                self.memoryKiB = memoryKiB
            }
        }
        public init() {}
        public static var example: (request: Process, reply: Reply) {
            (
                Process(),
                Reply(
                    build: Build.version, pid: 4242, uid: 990, startedAt: 1_790_000_000_000, memoryKiB: 8_100)
            )
        }
    }

    /// Ends the process in order: it drains, exits with 0, and its parent starts a fresh one.
    public struct Exit: Request {
        public static let spec = MethodSpec(
            "control.exit", idempotent: false,
            "Ends the process when it has drained; its parent starts a fresh one.")
        public typealias Reply = Done
        /// The process that is meant: a successor must not end for its predecessor.
        public var pid: Int32
        public init(pid: Int32) { self.pid = pid }
        public static var example: (request: Exit, reply: Done) { (Exit(pid: 4242), Done()) }
    }
}
