// Proves that what was acknowledged survives SIGKILL: a real process books without pause and is killed.

import Foundation
import Glibc
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing

@testable import LedgerCore

extension LongRunningTests {
    @Suite struct LedgerCrashTests {
        /// Set in the child only: its first job, and the directory it books in. It acknowledges on descriptor 3.
        static let childVariable = "INFERNET_LEDGER_CRASH_CHILD"
        static let provider = SecretKey(bytes: [UInt8](repeating: 9, count: 32))

        /// The child: this same test program, running this one test until it is killed.
        @Test(.enabled(if: ProcessInfo.processInfo.environment[childVariable] != nil))
        func crashChildBooksUntilItIsKilled() async throws {
            let told = try #require(ProcessInfo.processInfo.environment[Self.childVariable]).split(
                separator: ":")
            let start = try #require(Int(told[0]))
            let fixture = try LedgerFixture(adopting: String(told[1]))
            let daemon = try fixture.open()
            let provider = try #require(Self.provider)
            for job in start..<(start + 100_000) {
                let receipt = try fixture.receipt(provider, client: daemon.key.publicKey, job: job)
                let accepted = try await daemon.accept(receipt)
                // The acknowledgement leaves the process only after the commit.
                guard CrashChild.say("\(job) \(receipt.id) \(accepted.acceptance.id)") else { return }
            }
        }

        /// Starts the child in `directory`, kills it after `count` acknowledged bookings, returns all it said.
        private func killed(in directory: String, firstJob: Int, after count: Int, delay: UInt32)
            async throws -> [String]
        {
            let stopped = NIOLockedValueBox(false)
            let child = try await CrashChild.run(
                "crashChildBooksUntilItIsKilled", [Self.childVariable: "\(firstJob):\(directory)"]
            ) { process, lines in
                guard lines >= count, !stopped.withLockedValue({ $0 }) else { return }
                usleep(delay)
                kill(process, SIGKILL)
                stopped.withLockedValue { $0 = true }
            }
            try #require(
                stopped.withLockedValue { $0 } && child.signal == SIGKILL,
                "the child ended by itself: \(child.signal)")
            return child.lines
        }

        @Test(
            .enabled(if: ProcessInfo.processInfo.environment[childVariable] == nil), .timeLimit(.minutes(3)))
        func whatWasAcknowledgedSurvivesKill() async throws {
            let fixture = try LedgerFixture(maxPerDay: .max)
            _ = try fixture.open()
            var acknowledged: [String] = []
            var first = 1
            for round in 0..<10 {
                acknowledged += try await killed(
                    in: fixture.directory.path, firstJob: first, after: 20 + 7 * round,
                    delay: UInt32(137 * round)
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
            KillCount.add(10, "receipts")
            print("killed 10 times; \(acknowledged.count) acknowledged bookings, all there")
        }
    }
}
