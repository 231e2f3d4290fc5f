// How a daemon's process ends, as its parent reads it (sysexits numbers where one fits).
// It must never be 0 for anything but a clean stop.

/// Exit codes of all daemons.
public enum ExitCode: Int32, Sendable, CaseIterable {
    case ok = 0
    /// Something failed that a restart may mend.
    case failed = 1
    /// A fault of the program.
    case software = 70
    /// The daemon has more power than its row grants, or less than it needs. A restart does not mend it.
    case privilege = 77
    /// The configuration or the state on disk is wrong. A restart does not mend it.
    case config = 78

    /// Whether starting the daemon again is pointless until a person has acted.
    public var isPermanent: Bool { self == .privilege || self == .config }

    /// In words, for status.
    public var words: String {
        switch self {
        case .ok: "stopped cleanly"
        case .failed: "failed; its log says why"
        case .software: "met a fault of the program"
        case .privilege: "does not have exactly the powers of its row"
        case .config: "found its configuration or its state to be wrong"
        }
    }
}

/// Thrown where a daemon cannot start, with the code that its process ends with.
public struct StartFailure: Error, CustomStringConvertible {
    public let exit: ExitCode
    public let message: String
    public let fix: String?

    public init(_ exit: ExitCode, _ message: String, fix: String? = nil) {
        self.exit = exit
        self.message = message
        self.fix = fix
    }

    public var description: String { message + (fix.map { " - \($0)" } ?? "") }
}
