// How much room a file system has, for those who write to it. It must never count blocks kept back for root.

import Glibc

/// Room on the file system that holds a path.
public struct DiskSpace: Equatable, Sendable {
    /// Bytes an ordinary user can still write.
    public var freeBytes: UInt64
    /// Bytes an ordinary user could write to an empty one.
    public var totalBytes: UInt64
    /// Free share, 0 to 100.
    public var freePercent: Double { totalBytes == 0 ? 0 : Double(freeBytes) / Double(totalBytes) * 100 }

    /// Asks the file system that holds `path`.
    ///
    /// - Throws: `SystemError` `.notFound` when the path does not exist.
    public static func of(_ path: String) throws -> DiskSpace {
        var info = statvfs()
        try attempt("cannot ask for the free space of \(path)") { statvfs(path, &info) }
        let block = UInt64(info.f_frsize)
        let kept = UInt64(info.f_bfree) - UInt64(info.f_bavail)
        return DiskSpace(
            freeBytes: UInt64(info.f_bavail) * block, totalBytes: (UInt64(info.f_blocks) - kept) * block)
    }
}
