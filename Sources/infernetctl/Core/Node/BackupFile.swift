// The file with an encrypted key: one line of text, readable by its owner only.
// It must never replace a file that is there: it may be the only copy of another key.

import Glibc
import Wire

enum BackupFile {
    private static let longest = 4096

    /// Writes a new file with one line.
    static func write(_ line: String, to path: String) throws(WireError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw failure(path, errno == EEXIST ? "is there already" : "cannot be made")
        }
        defer { close(descriptor) }
        let bytes = Array("\(line)\n".utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw failure(path, "cannot be written")
        }
    }

    /// The one line of a backup.
    static func read(_ path: String) throws(WireError) -> String { try firstLine(path) }

    /// The first line of a small file.
    static func firstLine(_ path: String) throws(WireError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: longest)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0 else { throw failure(path, count == 0 ? "is empty" : "cannot be read") }
        let line = buffer[..<count].prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty, let text = String(validating: line, as: UTF8.self) else {
            throw failure(path, "does not begin with a line of text")
        }
        return text
    }

    private static func failure(_ path: String, _ what: String) -> WireError {
        WireError(
            .invalidRequest, "\(path) \(what).", fix: "Name another file.",
            cause: errno == 0 ? nil : String(cString: strerror(errno)))
    }
}
