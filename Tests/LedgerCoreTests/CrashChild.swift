// A child that writes until it is killed: this test program again, or what ForkedChildren made. It acknowledges on descriptor 3.
// It must never outlive its parent's question: the parent reads until the child is dead.

import Foundation
import Glibc
import Testing

struct CrashChild {
    /// The whole lines that the child said, and the signal that ended it; 0 for none.
    let lines: [String]
    let signal: Int32

    /// Starts this program again for one test, and reads what it says until it ends.
    ///
    /// - Parameters:
    ///   - variables: what tells the child its task.
    ///   - heard: called with its process id and the number of whole lines so far, after each piece.
    static func run(
        _ test: String, _ variables: [String: String],
        heard: @escaping @Sendable (pid_t, Int) -> Void = { _, _ in }
    ) async throws -> CrashChild {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let arguments = [program, "--testing-library", "swift-testing", "--filter", test]
        // Waiting for a process must not hold one of the few threads that all tests share.
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try CrashChild(arguments, variables, heard) })
            }
        }
    }

    init(lines: [String], signal: Int32) { (self.lines, self.signal) = (lines, signal) }

    private init(
        _ arguments: [String], _ variables: [String: String], _ heard: @Sendable (pid_t, Int) -> Void
    ) throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        if ends[0] != 3 { posix_spawn_file_actions_addclose(&actions, ends[0]) }
        let environment = ProcessInfo.processInfo.environment
            .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }.merging(variables) { $1 }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        try #require(posix_spawn(&child, arguments[0], &actions, nil, &argv, &envp) == 0)
        close(ends[1])
        defer { close(ends[0]) }
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let got = read(ends[0], &buffer, buffer.count)
            guard got > 0 else { break }
            said += buffer[..<got]
            heard(child, said.count { $0 == 0x0A })
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        signal = status & 0x7F
        // A line that the kill cut off was not said.
        let whole = said.prefix((said.lastIndex(of: 0x0A) ?? -1) + 1)
        lines = String(decoding: whole, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// What the child says, in one write, so that it is heard whole or not at all.
    static func say(_ line: String) -> Bool {
        let bytes = Array("\(line)\n".utf8)
        return write(3, bytes, bytes.count) == bytes.count
    }
}
