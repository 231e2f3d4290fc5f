// The directories of a node, made with the right owner and mode before anybody needs them.
// It must never follow a symbolic link that a daemon may have planted.

import FoundationEssentials
import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// Where a node's files are.
struct NodeFolders: Sendable {
    let state: String
    let run: String

    init(_ node: NodeSection) {
        state = node.stateDirectory
        run = node.runDirectory
    }

    var logs: String { "\(state)/logs" }
    var own: String { "\(state)/supervisor" }
    var notifySocket: String { "\(run)/\(Role.supervisor.rawValue)/notify.sock" }

    /// What only this daemon writes and what lasts.
    func state(of role: Role) -> String { "\(state)/\(role.rawValue)" }
    /// The sockets on which `role` is heard; the supervisor's, so that no daemon can replace one.
    func sockets(of role: Role) -> String { "\(run)/\(role.rawValue)" }
    /// What only this daemon writes and what goes with the boot.
    func runtime(of role: Role) -> String { "\(run)/\(role.rawValue)/run" }

    /// Makes what is missing and corrects owners and modes.
    ///
    /// - Throws: `SystemError` naming the directory.
    func prepare(_ isolation: Isolation, rows: [ServiceRow]) throws {
        let shared: UInt32 = isolation.isRoot ? 0o755 : 0o700
        try prepareRun(isolation)
        try make(state, mode: shared)
        let operators = isolation.operatorGroup.map { (uid: UInt32(0), gid: $0) }
        try make(logs, mode: 0o750, owner: operators)
        try make(own, mode: 0o700)
        for row in rows {
            // Without users of their own all daemons are this process's user, to whom then belongs what they left when
            // they had them: without capabilities not even root could open it.
            let owner =
                isolation.accounts[row.role].map { (uid: $0.identity.uid, gid: $0.identity.gid) }
                ?? (isolation.isRoot ? (uid: UInt32(0), gid: UInt32(0)) : nil)
            try make(sockets(of: row.role), mode: shared)
            try make(runtime(of: row.role), mode: UInt32(row.stateMode), owner: owner, inherited: true)
            try make(state(of: row.role), mode: UInt32(row.stateMode), owner: owner, inherited: true)
        }
    }

    /// Makes only what people need to reach the supervisor.
    ///
    /// - Throws: `SystemError` naming the directory.
    func prepareRun(_ isolation: Isolation) throws {
        let shared: UInt32 = isolation.isRoot ? 0o755 : 0o700
        try make(run, mode: shared)
        try make(sockets(of: .supervisor), mode: shared)
    }

    private func make(
        _ path: String, mode: UInt32, owner: (uid: UInt32, gid: UInt32)? = nil, inherited: Bool = false
    ) throws {
        if mkdir(path, mode) != 0 {
            if errno == ENOENT {
                try make((path as String).parent, mode: 0o755)
                return try make(path, mode: mode, owner: owner, inherited: inherited)
            }
            if errno != EEXIST { throw trouble(path) }
        }
        var info = stat()
        guard lstat(path, &info) == 0 else { throw trouble(path) }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            throw SystemError(
                .malformed, "\(path) is not a directory", errno: ENOTDIR, fix: "Move it out of the way.")
        }
        if let owner, info.st_uid != owner.uid || info.st_gid != owner.gid {
            // Made under another user: what is in it goes with it.
            if inherited, info.st_uid != owner.uid { try giveContents(of: path, to: owner) }
            guard lchown(path, owner.uid, owner.gid) == 0 else { throw trouble(path) }
        }
        if info.st_mode & 0o7777 != mode, info.st_uid == geteuid() || geteuid() == 0 {
            guard chmod(path, mode) == 0 else { throw trouble(path) }
        }
    }

    private func giveContents(of path: String, to owner: (uid: UInt32, gid: UInt32)) throws {
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            guard lchown("\(path)/\(name)", owner.uid, owner.gid) == 0 else {
                throw trouble("\(path)/\(name)")
            }
        }
    }

    private func trouble(_ path: String) -> SystemError {
        SystemError(
            call: "cannot prepare \(path)", errno: errno,
            fix: "Name directories that this user may write in the configuration's 'node' section.")
    }
}

extension String {
    fileprivate var parent: String {
        let cut = lastIndex(of: "/").map { self[..<$0] } ?? ""
        return cut.isEmpty ? "/" : String(cut)
    }
}
