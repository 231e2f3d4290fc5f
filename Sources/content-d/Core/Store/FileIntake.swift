// Copies a handed-over file into the store and hashes it on the way, in one pass.
// It must never fill the disk beyond the headroom, nor believe the size that was true when it began.

import Glibc
import NodeModel
import NodeSystem
import Wire

/// One copy.
struct FileIntake {
    static let bufferBytes = 1 << 20
    /// How many bytes between two looks at the free space.
    private static let lookEvery: Int64 = 64 << 20

    var source: Int32
    var headroom: Int64
    /// A path on the file system that is written to.
    var directory: String

    /// Copies everything.
    ///
    /// - Throws: `WireError` `.diskFull`, `.conflict` when the file changed meanwhile, `.cancelled`.
    func copy(
        to partial: Int32, isCancelled: () -> Bool, progress: (Int64, Int64) -> Void
    ) throws -> (address: ContentAddress, sha256: Digest) {
        let before = try DiskFile.status(source, "the file")
        guard before.st_mode & S_IFMT == S_IFREG else {
            throw WireError(.invalidRequest, "This is not a regular file.", fix: "Give the path of a file.")
        }
        let total = Int64(before.st_size)
        guard total > 0 else {
            throw WireError(.invalidRequest, "The file is empty, and an empty file has no address.")
        }
        try checkRoom(left: total)
        try DiskFile.call("cannot go to the file's beginning") { lseek(source, 0, SEEK_SET) }
        posix_fadvise(source, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))

        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var hasher = ContentHasher(wholeFile: true)
        var done: Int64 = 0
        var looked: Int64 = 0
        progress(0, total)
        while true {
            if isCancelled() { throw WireError(.cancelled, "The import was cancelled; nothing was kept.") }
            let count = try DiskFile.read(source, into: buffer)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            done += Int64(count)
            guard done <= total else { throw Self.changed }
            try explained { try DiskFile.writeAll(partial, bytes) }
            hasher.update(bytes)
            progress(done, total)
            if done - looked >= Self.lookEvery {
                looked = done
                try checkRoom(left: total - done)
            }
        }
        guard done == total, let address = hasher.finish(), let sha256 = address.sha256 else {
            throw Self.changed
        }
        return (address, sha256)
    }

    /// Runs a step that writes, and says what a full disk means.
    func explained<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as SystemError
            where error.errno == ENOSPC || error.errno == EDQUOT || error.errno == EFBIG
        {
            throw full(needed: nil, cause: error.message)
        }
    }

    private func checkRoom(left: Int64) throws {
        let free = Int64(clamping: try DiskSpace.of(directory).freeBytes)
        if free < left || free - left < headroom { throw full(needed: left, cause: nil) }
    }

    private func full(needed: Int64?, cause: String?) -> WireError {
        let free =
            (try? DiskSpace.of(directory).freeBytes).map { "\($0) bytes" } ?? "an unknown number of bytes"
        let size = (try? DiskFile.status(source, "the file")).map { Int64($0.st_size) } ?? 0
        return WireError(
            .diskFull,
            "The disk of \(directory) is too full: \(needed ?? size) bytes are needed and \(headroom) must stay free, "
                + "but \(free) are free.",
            fix: "Make room, or remove content that is not needed: infernetctl content list", cause: cause)
    }

    private static var changed: WireError {
        WireError(
            .conflict, "The file changed while it was read, so it was not taken.",
            fix: "Wait until nobody writes to it, and add it again.")
    }
}
