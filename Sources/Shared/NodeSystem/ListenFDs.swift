// Adopts the descriptors that the parent passed (LISTEN_FDS, as systemd and the supervisor do).
// It must run before any thread starts: it changes the environment. It never trusts variables meant for another pid.

import Glibc

/// Descriptors passed by the parent, by label.
public struct ListenFDs {
    /// The first passed descriptor.
    static let first: Int32 = 3
    static let most = 1024

    /// Takes over the descriptors of this process: checks that they are meant for it, marks them close-on-exec and
    /// removes the variables, so that no grandchild takes them for its own.
    ///
    /// - Returns: the descriptors by label, in the order they were passed; several may share one label. Empty when
    ///   the parent passed none, or meant another process. A descriptor without a label is under "unknown".
    /// - Throws: `SystemError` `.malformed` when the variables contradict each other or a descriptor is not open.
    public static func adopt() throws -> [String: [Int32]] {
        let names = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
        defer { for name in names { unsetenv(name) } }
        var variables: [String: String] = [:]
        for name in names { variables[name] = getenv(name).map { String(cString: $0) } }
        return try adopt(variables, first: first)
    }

    static func adopt(_ variables: [String: String], first: Int32) throws -> [String: [Int32]] {
        guard let pid = variables["LISTEN_PID"], let count = variables["LISTEN_FDS"] else { return [:] }
        guard let owner = Int32(pid) else {
            throw SystemError(.malformed, "LISTEN_PID is \"\(pid)\", which is no process id")
        }
        guard owner == getpid() else { return [:] }
        guard let many = Int(count), (0...most).contains(many) else {
            throw SystemError(.malformed, "LISTEN_FDS is \"\(count)\", not a number from 0 to \(most)")
        }
        var labels = variables["LISTEN_FDNAMES"].map {
            $0.split(separator: ":", omittingEmptySubsequences: false)
        }
        if many == 0 { labels = nil }
        if let labels, labels.count != many {
            throw SystemError(
                .malformed, "LISTEN_FDNAMES names \(labels.count) descriptors, LISTEN_FDS says \(many)")
        }
        var adopted: [String: [Int32]] = [:]
        for index in 0..<many {
            let descriptor = first + Int32(index)
            let flags = fcntl(descriptor, F_GETFD)
            guard flags >= 0, fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0 else {
                throw SystemError(
                    .malformed, "the parent passed descriptor \(descriptor), but it is not open", errno: errno
                )
            }
            adopted[labels.map { String($0[index]) } ?? "unknown", default: []].append(descriptor)
        }
        return adopted
    }
}
