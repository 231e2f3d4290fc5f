// The node's log on disk: one file that is appended to and two older ones. It must never grow past its share, nor stop
// the node when the disk is full.

import Glibc
import NodeSystem

/// An append-only file that rotates by size. Used from one queue only.
struct LogFile {
    /// Files kept, the current one among them.
    static let generations = 3

    let path: String
    let limit: Int
    private var descriptor: Int32 = -1
    private var size = 0

    /// The log at `path`, rotating at `limit` bytes.
    init(path: String, limit: Int = 16 << 20) {
        self.path = path
        self.limit = limit
    }

    /// Appends lines, each with its line end.
    ///
    /// - Throws: `SystemError` when the disk does not take them; the next call tries again.
    mutating func append(_ lines: [[UInt8]]) throws {
        var batch: [UInt8] = []
        for line in lines {
            if size + batch.count + line.count + 1 > limit, size + batch.count > 0 {
                try write(batch)
                batch = []
                try rotate()
            }
            batch += line
            batch.append(0x0A)
        }
        try write(batch)
    }

    /// The files as they are now, oldest first, each with the bytes it holds. The descriptors are the caller's.
    mutating func snapshot() -> [(descriptor: Int32, size: Int)] {
        (0..<Self.generations).reversed().compactMap { generation in
            let file = open(name(generation), O_RDONLY | O_CLOEXEC)
            var info = stat()
            guard file >= 0, fstat(file, &info) == 0 else { return nil }
            return (file, Int(info.st_size))
        }
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private mutating func write(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        try openCurrent()
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 {
                let reason = errno
                close()
                throw SystemError(call: "cannot write \(path)", errno: reason, fix: "Free some disk space.")
            }
            done += count
            size += count
        }
    }

    private mutating func openCurrent() throws {
        if descriptor >= 0 { return }
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw SystemError(call: "cannot open \(path)", errno: errno) }
        var info = stat()
        size = fstat(file, &info) == 0 ? Int(info.st_size) : 0
        descriptor = file
        // A line that a crash or a full disk cut in half must not swallow the next one.
        if size > 0, !endsWithLine() { size += max(0, Glibc.write(file, "\n", 1)) }
    }

    private func endsWithLine() -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return true }
        defer { Glibc.close(file) }
        var last: UInt8 = 0
        return pread(file, &last, 1, off_t(size - 1)) != 1 || last == 0x0A
    }

    private mutating func rotate() throws {
        close()
        for generation in (1..<Self.generations).reversed() { rename(name(generation - 1), name(generation)) }
        size = 0
        try openCurrent()
    }

    private func name(_ generation: Int) -> String { generation == 0 ? path : "\(path).\(generation)" }
}
