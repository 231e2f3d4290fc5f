// What the kernel limits a process to, and how much of it the process has. It must never guess what it may not read.

import Glibc

/// Limits of a process in force, as in /proc/PID/limits; nil is unlimited.
public struct ProcessLimits: Equatable, Sendable {
    /// The most descriptors that it may have open.
    public var openFiles: UInt64?
    /// The most processes and threads of its user.
    public var processes: UInt64?
    /// The most bytes of writable memory of its own.
    public var dataBytes: UInt64?
    /// The largest core dump.
    public var coreBytes: UInt64?

    /// Reads a process's limits.
    ///
    /// - Throws: `SystemError` when it is gone, or belongs to another user who hides it.
    public static func of(pid: Int32) throws -> ProcessLimits {
        parse(try ProcFile.read("/proc/\(pid)/limits"))
    }

    /// How many descriptors it has open; nil when only its user may know.
    public static func openDescriptors(of pid: Int32) -> Int? {
        guard let folder = opendir("/proc/\(pid)/fd") else { return nil }
        defer { closedir(folder) }
        var count = -2
        while readdir(folder) != nil { count += 1 }
        return max(0, count)
    }

    static func parse(_ text: String) -> ProcessLimits {
        func value(_ name: String) -> UInt64? {
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
                return nil
            }
            return line.dropFirst(name.count).split(separator: " ").first.flatMap { UInt64($0) }
        }
        return ProcessLimits(
            openFiles: value("Max open files"), processes: value("Max processes"),
            dataBytes: value("Max data size"), coreBytes: value("Max core file size"))
    }
}
