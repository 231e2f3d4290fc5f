// Unix sockets: made, found and replaced by path without a moment in which others can reach or lose them.
// It must never remove a file that is not a socket, nor a socket that a living process serves.

import CHost
import Glibc

/// Unix sockets by path. Every returned descriptor is close-on-exec and belongs to the caller.
public enum UnixSocket {
    /// What travels over it.
    public enum Kind: Sendable {
        /// A byte stream.
        case stream
        /// Whole messages, in order, over a connection.
        case seqpacket
        /// Single messages, no connection.
        case datagram

        var raw: Int32 {
            switch self {
            case .stream: return Int32(SOCK_STREAM.rawValue)
            case .seqpacket: return Int32(SOCK_SEQPACKET.rawValue)
            case .datagram: return Int32(SOCK_DGRAM.rawValue)
            }
        }
    }

    /// Longest socket path that the kernel takes, in bytes.
    public static let longestPath = 107

    /// Binds and, unless it is a datagram socket, listens. The socket appears under `path` only when its mode and
    /// owner are right and it listens; a stale socket file there is replaced. `owner` nil leaves this process's user
    /// and group; `backlog` is how many connections may wait; `replacesServed` takes even a served path, for a caller
    /// that knows by other means that the path is its own.
    ///
    /// - Throws: `SystemError` `.addressInUse` when a living process serves `path`.
    public static func listen(
        at path: String, kind: Kind = .stream, mode: UInt32 = 0o600, owner: (uid: UInt32, gid: UInt32)? = nil,
        backlog: Int32 = 128, replacesServed: Bool = false
    ) throws -> Int32 {
        try refuseIfServed(path, kind: kind, orReplace: replacesServed)
        let descriptor = try open(kind)
        do {
            // The mode set before bind is the mode the file is born with.
            try attempt("cannot set the mode of \(path)") { fchmod(descriptor, mode) }
            let temporary = try bindTemporary(descriptor, beside: path)
            do {
                try attempt("cannot set the mode of \(path)") { chmod(temporary, mode) }
                if let owner {
                    try attempt("cannot give \(path) to user \(owner.uid)") {
                        chown(temporary, owner.uid, owner.gid)
                    }
                }
                if kind != .datagram {
                    try attempt("cannot listen on \(path)") { Glibc.listen(descriptor, backlog) }
                }
                try attempt("cannot place the socket \(path)") { rename(temporary, path) }
            } catch {
                unlink(temporary)
                throw error
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Connects to a path; a leading "@" means the abstract namespace. Does not wait for a place in the backlog
    /// longer than the kernel does for a local socket.
    ///
    /// - Throws: `SystemError` `.notFound` when there is no such socket, `.callFailed` with `ECONNREFUSED` when
    ///   nobody listens.
    public static func connect(to path: String, kind: Kind = .stream) throws -> Int32 {
        let descriptor = try open(kind)
        do {
            try withAddress(path) { address, size in
                try attempt("cannot connect to \(path)") { Glibc.connect(descriptor, address, size) }
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// A connected pair.
    public static func pair(_ kind: Kind = .stream) throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try attempt("cannot make a socket pair") {
            socketpair(AF_UNIX, kind.raw | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (ends[0], ends[1])
    }

    static func open(_ kind: Kind) throws -> Int32 {
        try attempt("cannot make a socket") { socket(AF_UNIX, kind.raw | Int32(SOCK_CLOEXEC.rawValue), 0) }
    }

    private static func refuseIfServed(_ path: String, kind: Kind, orReplace: Bool) throws {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemError(
                .addressInUse, "\(path) exists and is not a socket", errno: EEXIST,
                fix: "Move it out of the way.")
        }
        if orReplace { return }
        let probe = try open(kind)
        defer { close(probe) }
        _ = fcntl(probe, F_SETFL, O_NONBLOCK)
        do {
            try withAddress(path) { address, size in
                try attempt("connect") { Glibc.connect(probe, address, size) }
            }
        } catch let error as SystemError where error.errno == ECONNREFUSED || error.errno == ENOENT {
            return  // stale: its process is gone
        } catch let error as SystemError where error.errno == EAGAIN {
            // A full backlog has a living owner.
        }
        throw SystemError(
            .addressInUse, "another process serves \(path)", errno: EADDRINUSE,
            fix: "Stop it, or use another runtime directory.")
    }

    private static func bindTemporary(_ descriptor: Int32, beside path: String) throws -> String {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        guard path.utf8.count <= longestPath else { throw tooLong(path) }
        for number in 0..<1000 {
            let temporary = "\(folder).\(number)"
            do {
                try withAddress(temporary) { address, size in
                    try attempt("cannot bind \(path)") { bind(descriptor, address, size) }
                }
                return temporary
            } catch let error as SystemError where error.code == .addressInUse {
                continue
            }
        }
        throw SystemError(.addressInUse, "no free name beside \(path)", errno: EADDRINUSE)
    }

    private static func tooLong(_ path: String) -> SystemError {
        SystemError(
            .pathTooLong, "the socket path \(path) is longer than \(longestPath) bytes", errno: ENAMETOOLONG,
            fix: "Use a shorter runtime directory.")
    }

    @discardableResult
    static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) throws -> Result {
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= longestPath else { throw tooLong(path) }
        let abstract = bytes[0] == UInt8(ascii: "@")
        if abstract { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // The name of an abstract socket is counted, that of a file ends with a zero.
        let size = MemoryLayout<sa_family_t>.size + bytes.count + (abstract ? 0 : 1)
        return try withUnsafePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(size)) }
        }
    }
}
