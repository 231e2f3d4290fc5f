// The tests' end of a program that forks children to be killed (Tests/ForkServer): one child after the other.
// It must never outlive the test: the program ends when nobody can ask it any more.

import Foundation
import Glibc
import TestKit
import Testing

@testable import LedgerCore

final class ForkedChildren: Sendable {
    private let process: pid_t
    private let line: Int32
    private let lock = NSLock()
    /// Where the program does what all children would do first.
    private let warm: DeedFixture

    /// Starts a program that lies beside this one.
    init(_ program: String) throws {
        warm = try DeedFixture()
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + program
        var ends: [Int32] = [0, 0]
        // The other strand's program must not hold these ends open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let arguments = [path, warm.directory]
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var started: pid_t = 0
        try #require(posix_spawn(&started, path, &actions, nil, &argv, &envp) == 0)
        (process, line) = (started, ends[0])
    }

    deinit {
        close(line)
        waitpid(process, nil, 0)
    }

    /// One child, from its beginning to its end. Waiting for it must not hold one of the few threads that all tests share.
    func run(_ arguments: [String]) async throws -> CrashChild {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.lock.withLock { try self.ask(arguments) } })
            }
        }
    }

    private func ask(_ arguments: [String]) throws -> CrashChild {
        let request = Array((arguments.joined(separator: "\t") + "\n").utf8)
        guard send(line, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw ChildTrouble(description: "the program that makes children cannot be asked")
        }
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let got = read(line, &buffer, buffer.count)
            guard got > 0 else {
                throw ChildTrouble(description: "the program that makes children has ended")
            }
            said += buffer[..<got]
            // The last line is the program's own, when the child is dead.
            guard said.last == 0x0A else { continue }
            let lines = String(decoding: said, as: UTF8.self).split(separator: "\n").map(String.init)
            guard let last = lines.last, last.hasPrefix("ended "), let status = Int32(last.dropFirst(6))
            else {
                continue
            }
            // What was not killed has done all it had to.
            guard status & 0x7F != 0 || status == 0 else {
                throw ChildTrouble(description: "the child gave up with status \(status)")
            }
            return CrashChild(lines: lines.dropLast(), signal: status & 0x7F)
        }
    }
}

/// Not an expectation: outside of the test's own thread it would belong to no test.
struct ChildTrouble: Error, CustomStringConvertible {
    let description: String
}
