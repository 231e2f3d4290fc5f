// A file that is read and replaced as a whole.
// It must never leave a half-written file in its place, whenever the process or the machine stops.

import Glibc

/// A file by its path.
struct WholeFile: Sendable {
    let path: String

    /// Why the file cannot be used.
    struct Failure: Error, CustomStringConvertible {
        let step: String
        let path: String
        let code: Int32
        var description: String { "\(step) \(path): \(String(cString: strerror(code)))" }
    }

    /// The first bytes of the file; nil when there is none.
    func read(atMost count: Int) throws(Failure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw failure("open")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < count {
            let got = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure("read") }
            if got == 0 { break }
            bytes += chunk.prefix(got)
        }
        return bytes.count > count ? Array(bytes.prefix(count)) : bytes
    }

    /// Replaces the file at once or not at all, and only returns when it is on the disk.
    func write(_ bytes: [UInt8]) throws(Failure) {
        let fresh = path + ".new"
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("create") }
        defer { close(descriptor) }
        var sent = 0
        while sent < bytes.count {
            let wrote = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent)
            }
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else { throw failure("write") }
            sent += wrote
        }
        guard fsync(descriptor) == 0 else { throw failure("fsync") }
        guard rename(fresh, path) == 0 else { throw failure("rename") }
        let folder = open(
            String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/.", O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("open the folder of") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("fsync the folder of") }
    }

    /// Moves a file that makes no sense out of the way, so that nothing is lost and the next start is clean.
    ///
    /// - Returns: its path from now on.
    func setAside() throws(Failure) -> String {
        let aside = path + ".damaged"
        guard rename(path, aside) == 0 else { throw failure("rename") }
        return aside
    }

    private func failure(_ step: String) -> Failure { Failure(step: step, path: path, code: errno) }
}
