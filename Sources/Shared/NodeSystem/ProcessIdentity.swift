// What the kernel says a process is: its ids and what it may do. Used to assert that privileges are really gone.
// It must never be guessed from configuration.

import Glibc

/// Ids and privileges of a process, as in /proc/PID/status.
public struct ProcessIdentity: Equatable, Sendable {
    /// Real, effective, saved and file-system user.
    public var users: [UInt32]
    /// Real, effective, saved and file-system group.
    public var groups: [UInt32]
    /// Supplementary groups.
    public var supplementary: [UInt32]
    /// Capabilities it can use now, as a bit set.
    public var effectiveCapabilities: UInt64
    /// Capabilities it could take.
    public var permittedCapabilities: UInt64
    /// Capabilities that an exec could ever give it.
    public var boundingCapabilities: UInt64
    /// Capabilities that survive an exec.
    public var ambientCapabilities: UInt64
    /// True when no exec can raise privileges any more.
    public var noNewPrivileges: Bool
    /// 0 none, 1 strict, 2 filter.
    public var seccompMode: Int

    /// Reads this process's identity.
    public static func current() throws -> ProcessIdentity { try read("/proc/self/status") }

    /// Reads another process's identity.
    ///
    /// - Throws: `SystemError` `.notFound` when it is gone.
    public static func of(pid: Int32) throws -> ProcessIdentity { try read("/proc/\(pid)/status") }

    /// This process.
    public static var pid: Int32 { getpid() }

    /// This process's effective user.
    public static var effectiveUser: UInt32 { geteuid() }

    /// The absolute path of this process's own program.
    ///
    /// - Throws: `SystemError` when /proc is not mounted.
    public static func executablePath() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = try attempt("cannot read /proc/self/exe") {
            readlink("/proc/self/exe", &buffer, buffer.count)
        }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func read(_ path: String) throws -> ProcessIdentity {
        let fields = try ProcFile.fields(path)
        func ids(_ key: Substring) -> [UInt32] {
            (fields[key] ?? "").split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) }
        }
        func bits(_ key: Substring) throws -> UInt64 {
            guard let text = fields[key], let value = UInt64(text, radix: 16) else {
                throw SystemError(.malformed, "\(path) has no \(key)")
            }
            return value
        }
        guard ids("Uid").count == 4, ids("Gid").count == 4, let privileges = fields["NoNewPrivs"] else {
            throw SystemError(.malformed, "\(path) does not name the process's ids")
        }
        return ProcessIdentity(
            users: ids("Uid"), groups: ids("Gid"), supplementary: ids("Groups"),
            effectiveCapabilities: try bits("CapEff"), permittedCapabilities: try bits("CapPrm"),
            boundingCapabilities: try bits("CapBnd"), ambientCapabilities: try bits("CapAmb"),
            noNewPrivileges: privileges == "1", seccompMode: Int(fields["Seccomp"] ?? "0") ?? 0)
    }
}
