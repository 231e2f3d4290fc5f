// What the kernel says of a file without reading it: as long as it is equal, the bytes need no second look.
// It must never be kept across a restart: what happened meanwhile is not known.

import Glibc

/// The identity and times of a file.
struct Fingerprint: Hashable, Sendable {
    private var device: UInt64
    private var inode: UInt64
    /// Bytes.
    var size: Int64
    private var modified: Int64
    /// Changes with every write and cannot be set by hand.
    private var changed: Int64

    init(_ info: stat) {
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
        size = Int64(info.st_size)
        modified = Int64(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_mtim.tv_nsec)
        changed = Int64(info.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_ctim.tv_nsec)
    }

    /// Of the file at `path`; nil when there is no regular file.
    static func of(_ path: String) -> Fingerprint? {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        return Fingerprint(info)
    }
}
