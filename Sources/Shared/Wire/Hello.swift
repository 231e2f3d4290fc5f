// The first message of every connection: who is there, which build, which version of the interface.
// It must never grant anything: the kernel says who the caller is.

/// Opens a connection. The reply says who the server takes the caller for.
public struct Hello: Request {
    /// The version of the message formats; a change that old builds cannot read raises it.
    public static let interfaceVersion = 1
    public static let spec = MethodSpec("hello", "Opens a connection and compares versions.")

    public struct Reply: WireValue, Hashable {
        public var server: Role
        public var caller: Role
        public var build: String
        public var interface: Int
        public init(server: Role, caller: Role, build: String, interface: Int) {
            self.server = server
            self.caller = caller
            self.build = build
            self.interface = interface
        }
    }

    public var build: String
    public var interface: Int

    public init(build: String, interface: Int = Hello.interfaceVersion) {
        self.build = build
        self.interface = interface
    }

    public static var example: (request: Hello, reply: Reply) {
        (
            Hello(build: Build.version),
            Reply(server: .ledger, caller: .exec, build: Build.version, interface: interfaceVersion)
        )
    }
}

/// What this build calls itself.
public enum Build {
    public static let version = "0.1.0"
    public static let name = "infernet/\(version)"
}
