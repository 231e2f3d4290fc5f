// A lock file that names its holder and that the kernel opens when the holder dies. It must never be deleted: a second
// process could then lock a file that nobody else sees.

import Glibc

/// Says that one process, and no other, uses a directory.
public final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, without waiting, and writes this process's id into the file.
    ///
    /// - Throws: `SystemError` `.addressInUse` naming the holder's pid.
    public init(path: String, purpose: String) throws {
        let file = try attempt("cannot open \(path)") { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        if flock(file, LOCK_EX | LOCK_NB) != 0 {
            let reason = errno
            defer { close(file) }
            guard reason == EWOULDBLOCK else { throw SystemError(call: "cannot lock \(path)", errno: reason) }
            var text = [UInt8](repeating: 0, count: 16)
            let count = max(0, read(file, &text, text.count))
            let pid = Int32(String(decoding: text[..<count].prefix { $0 != 0x0A }, as: UTF8.self))
            throw SystemError(
                .addressInUse, "\(purpose) is already in use by process \(pid.map { "\($0)" } ?? "unknown")",
                errno: reason, fix: pid.map { "Stop it with: kill \($0)" })
        }
        ftruncate(file, 0)
        var text = "\(getpid())\n"
        text.withUTF8 { _ = pwrite(file, $0.baseAddress, $0.count, 0) }
        descriptor = file
    }

    /// Lets others have it.
    public func release() { flock(descriptor, LOCK_UN) }

    deinit { close(descriptor) }
}
