// Writes a small file so that nobody ever reads half of it. It must never follow a link in the file's place.

import Glibc
import NodeSystem

enum SmallFile {
    /// - Throws: `SystemError` naming the file.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws {
        let fresh = path + ".new"
        unlink(fresh)
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemError(call: "cannot make \(fresh)", errno: errno) }
        defer { close(descriptor) }
        guard fchmod(descriptor, mode) == 0,
            Glibc.write(descriptor, bytes, bytes.count) == bytes.count, rename(fresh, path) == 0
        else {
            let reason = errno
            unlink(fresh)
            throw SystemError(call: "cannot write \(path)", errno: reason)
        }
    }
}
