// What every daemon answers, whatever its work: health, version, metrics, draining.
// It must never expose a secret: the supervisor and the person's hand read it.

public import Wire

/// The methods that DaemonKit serves for every daemon.
public enum ControlInterface {
    public static let methods: [MethodSpec] = [
        Health.spec, Version.spec, Metrics.spec, Drain.spec, SetLogLevel.spec, Ping.spec,
        Process.spec, Exit.spec,
    ]

    /// One thing that was tried, and what to do when it failed.
    public struct Check: WireValue, Hashable {
        public var name: String
        public var ok: Bool
        public var reason: String
        public var fix: String?
        public init(name: String, ok: Bool, reason: String, fix: String? = nil) {
            self.name = name
            self.ok = ok
            self.reason = reason
            self.fix = fix
        }
    }

    /// Runs the daemon's own checks.
    public struct Health: Request {
        public static let spec = MethodSpec(
            "control.health", deadlineMs: 5_000, "Runs the daemon's own checks.")
        public struct Reply: WireValue, Hashable {
            public var checks: [Check]
            /// Whether every check passed.
            public var healthy: Bool { checks.allSatisfy(\.ok) }
            public init(checks: [Check]) { self.checks = checks }
        }
        public init() {}
        public static var example: (request: Health, reply: Reply) {
            (Health(), Reply(checks: [Check(name: "database", ok: true, reason: "opened, chain verified")]))
        }
    }

    /// Says which build this is.
    public struct Version: Request {
        public static let spec = MethodSpec("control.version", "Says which build this is.")
        public struct Reply: WireValue, Hashable {
            public var build: String
            public var interface: Int
            public var pid: Int32
            public init(build: String, interface: Int, pid: Int32) {
                self.build = build
                self.interface = interface
                self.pid = pid
            }
        }
        public init() {}
        public static var example: (request: Version, reply: Reply) {
            (Version(), Reply(build: Build.version, interface: Hello.interfaceVersion, pid: 4242))
        }
    }

    /// Gives the daemon's metrics.
    public struct Metrics: Request {
        public static let spec = MethodSpec(
            "control.metrics", "Gives the daemon's metrics as Prometheus text.")
        public struct Reply: WireValue, Hashable {
            public var text: String
            public init(text: String) { self.text = text }
        }
        public init() {}
        public static var example: (request: Metrics, reply: Reply) {
            (
                Metrics(),
                Reply(text: "# TYPE infernet_rpc_requests_total counter\ninfernet_rpc_requests_total 3\n")
            )
        }
    }

    /// Refuses new work and finishes what is under way.
    public struct Drain: Request {
        public static let spec = MethodSpec(
            "control.drain", deadlineMs: 10_000, "Refuses new work and finishes what is under way.")
        public typealias Reply = Done
        /// The process that is meant. The answer may be lost with the process, and the question then be repeated: to its
        /// successor, who must not drain for it.
        public var pid: Int32
        public init(pid: Int32) { self.pid = pid }
        public static var example: (request: Drain, reply: Done) { (Drain(pid: 4242), Done()) }
    }

    /// Sets the least severe level that is logged.
    public struct SetLogLevel: Request {
        public static let spec = MethodSpec(
            "control.set_log_level", "Sets the least severe level that is logged.")
        public typealias Reply = Done
        /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
        public var level: String
        public init(level: String) { self.level = level }
        public static var example: (request: SetLogLevel, reply: Done) {
            (SetLogLevel(level: "debug"), Done())
        }
    }

    /// Gives its payload back. Hot: it writes and reads itself, and is what the IPC benchmark measures.
    public struct Ping: Request {
        public static let spec = MethodSpec("control.ping", "Gives its payload back.")
        public struct Reply: WireValue, Hashable {
            public var payload: String
            public init(payload: String) { self.payload = payload }
            public func write(to writer: inout JSONWriter) throws { Ping.write(payload, &writer) }
            public static func read(_ json: UnsafeRawBufferPointer) throws -> Reply {
                Reply(payload: try Ping.readPayload(json))
            }
        }
        public var payload: String
        public init(payload: String) { self.payload = payload }
        public func write(to writer: inout JSONWriter) throws { Ping.write(payload, &writer) }
        public static func read(_ json: UnsafeRawBufferPointer) throws -> Ping {
            Ping(payload: try readPayload(json))
        }
        public static var example: (request: Ping, reply: Reply) {
            (Ping(payload: "hello"), Reply(payload: "hello"))
        }

        static func write(_ payload: String, _ writer: inout JSONWriter) {
            writer.literal("{\"payload\":")
            writer.string(payload)
            writer.literal("}")
        }

        static func readPayload(_ json: UnsafeRawBufferPointer) throws -> String {
            var payload: String?
            var scanner = JSONScanner(json)
            do {
                try scanner.object { (s, key) throws(JSONFault) in
                    guard s.matches(key, "payload") else {
                        _ = try s.skip()
                        return
                    }
                    guard payload == nil else { throw .duplicateKey }
                    payload = try s.string()
                }
            } catch { throw WireError(.invalidParams, "The payload cannot be read: \(error).") }
            guard let payload else { throw WireError(.invalidParams, "'payload' is missing.") }
            return payload
        }
    }
}
