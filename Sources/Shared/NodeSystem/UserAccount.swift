// Looks up users by name in the system's database. It must never create one.

import Glibc

/// A user of this machine.
public struct UserAccount: Equatable, Sendable {
    /// Its login name.
    public var name: String
    /// Its user id.
    public var uid: UInt32
    /// Its primary group.
    public var gid: UInt32
    /// All its groups, the primary one among them.
    public var groups: [UInt32]

    /// A user from its parts.
    public init(name: String, uid: UInt32, gid: UInt32, groups: [UInt32]) {
        self.name = name
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// The user of that name; nil when there is none.
    ///
    /// - Throws: `SystemError` when the user database cannot be read.
    public static func find(_ name: String) throws -> UserAccount? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        while true {
            let reason = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
            if reason == ERANGE, buffer.count < 1 << 20 {
                buffer = [CChar](repeating: 0, count: buffer.count * 2)
                continue
            }
            if reason == EINTR { continue }
            // Some sources answer "no such user" as an error.
            if found == nil, [0, ENOENT, ESRCH, EBADF, EPERM].contains(reason) { return nil }
            if reason != 0 { throw SystemError(call: "cannot look up user \(name)", errno: reason) }
            break
        }
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: Int(count))
        while getgrouplist(name, entry.pw_gid, &groups, &count) < 0 {
            if Int(count) <= groups.count { count = Int32(groups.count) * 2 }
            groups = [gid_t](repeating: 0, count: Int(count))
        }
        return UserAccount(
            name: name, uid: entry.pw_uid, gid: entry.pw_gid, groups: Array(groups.prefix(Int(count))))
    }
}

/// A group of this machine.
public enum GroupAccount {
    /// The id of the group of that name; nil when there is none.
    ///
    /// - Throws: `SystemError` when the group database cannot be read.
    public static func find(_ name: String) throws -> UInt32? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 4096)
        while true {
            let reason = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
            if reason == ERANGE, buffer.count < 1 << 20 {
                buffer = [CChar](repeating: 0, count: buffer.count * 2)
                continue
            }
            if reason == EINTR { continue }
            if found == nil, [0, ENOENT, ESRCH, EBADF, EPERM].contains(reason) { return nil }
            if reason != 0 { throw SystemError(call: "cannot look up group \(name)", errno: reason) }
            return entry.gr_gid
        }
    }
}
