// What a process costs: its share of memory and its threads. It must never be asked in a hot path: the kernel walks
// the process's page tables for it.

/// Memory and threads of a process.
public struct ProcessMemory: Equatable, Sendable {
    /// Proportional share: private pages, and each shared page divided by its users. What adds up over processes.
    public var pssBytes: UInt64
    /// Resident pages, shared ones counted whole.
    public var rssBytes: UInt64
    /// Threads.
    public var threads: Int

    /// Reads /proc/PID.
    ///
    /// - Throws: `SystemError` `.notFound` when it is gone, `.notPermitted` when it belongs to another user.
    public static func of(pid: Int32) throws -> ProcessMemory {
        let rollup = try ProcFile.fields("/proc/\(pid)/smaps_rollup")
        let status = try ProcFile.fields("/proc/\(pid)/status")
        return ProcessMemory(
            pssBytes: kilobytes(rollup["Pss"]), rssBytes: kilobytes(rollup["Rss"]),
            threads: Int(status["Threads"] ?? "") ?? 0)
    }

    private static func kilobytes(_ text: Substring?) -> UInt64 {
        (text?.split(separator: " ").first).flatMap { UInt64($0) }.map { $0 * 1024 } ?? 0
    }
}
