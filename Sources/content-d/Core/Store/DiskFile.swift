// The system calls of the store: each failure comes out as one error with the kernel's reason.
// It must never leave a descriptor open that it opened itself.

import Glibc
import NodeSystem

/// Calls on files.
enum DiskFile {
    /// Runs a call that answers -1 and `errno`; again when a signal interrupted it.
    @discardableResult
    static func call<T: BinaryInteger>(_ what: @autoclosure () -> String, _ body: () -> T) throws(SystemError)
        -> T
    {
        while true {
            let value = body()
            if value != -1 { return value }
            let reason = errno
            if reason != EINTR { throw SystemError(call: what(), errno: reason) }
        }
    }

    /// Opens a file, hands its descriptor to `body` and closes it.
    static func with<T>(
        _ path: String, _ flags: Int32, mode: mode_t = 0, _ body: (Int32) throws -> T
    ) throws -> T {
        let descriptor = try call("cannot open \(path)") { open(path, flags | O_CLOEXEC, mode) }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    static func status(_ descriptor: Int32, _ path: String) throws -> stat {
        var info = stat()
        try call("cannot look at \(path)") { fstat(descriptor, &info) }
        return info
    }

    /// Reads up to `buffer.count` bytes; 0 at the end.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try call("cannot read the file") { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
    }

    static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let written = try call("cannot write to the store") {
                write(descriptor, rest.baseAddress, rest.count)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Makes what was written survive a power failure.
    static func sync(_ descriptor: Int32) throws {
        try call("cannot make the file safe on disk") { fsync(descriptor) }
    }

    static func syncFolder(_ path: String) throws {
        try with(path, O_RDONLY | O_DIRECTORY) { try sync($0) }
    }

    static func move(_ from: String, _ to: String) throws {
        try call("cannot move \(from) to \(to)") { rename(from, to) }
    }

    /// Removes a file; one that is not there is no error.
    static func remove(_ path: String) throws {
        if unlink(path) != 0, errno != ENOENT {
            throw SystemError(call: "cannot remove \(path)", errno: errno)
        }
    }

    static func makeFolder(_ path: String) throws {
        if mkdir(path, 0o755) != 0, errno != EEXIST {
            throw SystemError(call: "cannot make the folder \(path)", errno: errno)
        }
    }

    /// The names in a folder, without `.` and `..`.
    static func names(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw SystemError(call: "cannot list \(path)", errno: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let item = readdir(folder) {
            let name = withUnsafeBytes(of: &item.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// All bytes of a small file.
    static func contents(_ path: String, longest: Int) throws -> [UInt8] {
        try with(path, O_RDONLY | O_NOFOLLOW) { descriptor in
            var bytes: [UInt8] = []
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
            defer { buffer.deallocate() }
            while bytes.count <= longest, case let count = try read(descriptor, into: buffer), count > 0 {
                bytes.append(contentsOf: buffer[..<count])
            }
            return bytes
        }
    }
}
