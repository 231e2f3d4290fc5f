// Proves that what was acknowledged survives SIGKILL: a real process books without pause and is killed.

import Foundation
import Glibc
import Interfaces
import NodeModel
import Nostr
import TestKit
import Testing

@testable import LedgerCore

@Suite(.serialized) struct LedgerCrashTests {
    /// Set in the child only: its first job, and the directory it books in. It acknowledges on descriptor 3.
    static let childVariable = "INFERNET_LEDGER_CRASH_CHILD"
    static let provider = SecretKey(bytes: [UInt8](repeating: 9, count: 32))

    /// The child: this same test program, running this one test until it is killed.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[childVariable] != nil))
    func crashChildBooksUntilItIsKilled() async throws {
        let told = try #require(ProcessInfo.processInfo.environment[Self.childVariable]).split(separator: ":")
        let start = try #require(Int(told[0]))
        let fixture = try LedgerFixture(adopting: String(told[1]))
        let daemon = try fixture.open()
        let provider = try #require(Self.provider)
        for job in start..<(start + 100_000) {
            let receipt = try fixture.receipt(provider, client: daemon.key.publicKey, job: job)
            let accepted = try await daemon.accept(receipt)
            // The acknowledgement leaves the process only after the commit.
            let line = "\(job) \(receipt.id) \(accepted.acceptance.id)\n"
            guard write(3, line, line.utf8.count) == line.utf8.count else { return }
        }
    }

    /// Starts the child in `directory`, kills it after `count` acknowledged bookings, returns all it said.
    private func killed(in directory: String, firstJob: Int, after count: Int, delay: UInt32) throws
        -> [String]
    {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        if ends[0] != 3 { posix_spawn_file_actions_addclose(&actions, ends[0]) }
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let arguments = [
            program, "--testing-library", "swift-testing", "--filter", "crashChildBooksUntilItIsKilled",
        ]
        let environment =
            ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
            + ["\(Self.childVariable)=\(firstJob):\(directory)", "SWIFT_BACKTRACE=enable=no"]
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        try #require(posix_spawn(&child, program, &actions, nil, &argv, &envp) == 0)
        close(ends[1])
        defer { close(ends[0]) }
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        var stopped = false
        while true {
            let got = read(ends[0], &buffer, buffer.count)
            guard got > 0 else { break }
            said += buffer[..<got]
            if !stopped, said.count(where: { $0 == 0x0A }) >= count {
                usleep(delay)
                kill(child, SIGKILL)
                stopped = true
            }
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        try #require(stopped && status & 0x7F == SIGKILL, "the child ended by itself: \(status)")
        return String(decoding: said, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment[childVariable] == nil), .timeLimit(.minutes(3)))
    func whatWasAcknowledgedSurvivesKill() async throws {
        let fixture = try LedgerFixture(maxPerDay: .max)
        _ = try fixture.open()
        var acknowledged: [String] = []
        var first = 1
        for round in 0..<10 {
            acknowledged += try killed(
                in: fixture.directory.path, firstJob: first, after: 20 + 7 * round, delay: UInt32(137 * round)
            )
            let daemon = try fixture.open()
            let report = try await daemon.ledger.audit()
            #expect(report.faults == [], "round \(round)")
            // At most the one booking under way may be there without having been acknowledged, in each round.
            #expect(report.transfers >= Int64(acknowledged.count))
            #expect(report.transfers <= Int64(acknowledged.count + round + 1))
            first = Int(report.transfers) + 1
        }
        let daemon = try fixture.open()
        let provider = try #require(Self.provider)
        for line in acknowledged {
            let parts = line.split(separator: " ")
            let job = try #require(Int(parts[0]))
            let receipt = try fixture.receipt(provider, client: daemon.key.publicKey, job: job)
            #expect(receipt.id == parts[1])
            let again = try await daemon.accept(receipt)
            #expect(again.repeated && again.acceptance.id == parts[2], "job \(job)")
        }
        print("killed 10 times; \(acknowledged.count) acknowledged bookings, all there")
    }
}
