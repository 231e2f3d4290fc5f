// Proves that pieces which go to disk together succeed or fail alone, also when one fails after it has written.

import Dispatch
import FoundationEssentials
import GRDB
import Glibc
import NIOConcurrencyHelpers
import NodeModel
import Testing
import Wire

@testable import LedgerCore

@Suite struct CommitQueueTests {
    private struct Halfway: Error {}

    /// Writes an operation, and fails.
    private static func half(_ id: String, _ runs: NIOLockedValueBox<Int>, _ ledger: Ledger) async -> Bool {
        do {
            try await ledger.commits.write { writer in
                runs.withLockedValue { $0 += 1 }
                try writer.insert(
                    "operation", ["id": id, "kind": "withdraw", "job": "", "at": 1, "payload": Data([1])])
                throw Halfway()
            }
            return false
        } catch { return error is Halfway }
    }

    @Test func whatFailsHalfwayIsUndoneAlone() async throws {
        let ledger = try DeedFixture().open()
        let asset = DeedFixture.usdc
        var grouped = false
        for round in 0..<100 where !grouped {
            // Holds the writer until the others stand in line behind it. Once open it stays open: the piece that waits may
            // itself be in the group that is done again.
            let gate = DispatchSemaphore(value: 0)
            let runs = NIOLockedValueBox(0)
            async let first: Void = ledger.commits.write { _ in
                gate.wait()
                gate.signal()
            }
            async let good = ledger.answer(.deposit(5, asset, from: "a"), id: "good\(round)")
            async let failed = Self.half("half\(round)", runs, ledger)
            async let other = ledger.answer(.deposit(7, asset, from: "b"), id: "other\(round)")
            async let refused = ledger.answer(.withdraw(1 << 40, asset, to: "c"), id: "refused\(round)")
            try await Task.sleep(for: .milliseconds(30))
            gate.signal()
            try await first
            #expect(await good == .booked)
            #expect(await other == .booked)
            #expect(await refused == .refused(.policyRefused))
            #expect(await failed)
            // Done twice: with the others, which undid it, and by itself.
            grouped = runs.withLockedValue { $0 } == 2
            let left = try await ledger.pool.read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM operation WHERE id LIKE 'half%'")
            }
            #expect(left == 0)
            #expect(try await ledger.balance(of: Operation.wallet, asset) == Int64(12 * (round + 1)))
        }
        #expect(grouped)
        #expect(try await ledger.audit().faults == [])
    }

    @Test func whoComesBackAtOnceGoesInOneGroup() async throws {
        let place = try DeedFixture()
        let ledger = try place.open()
        let commits = NIOLockedValueBox(0)
        let queue = CommitQueue(
            ledger.pool, key: place.key,
            reach: { step in
                // A disk that has to be waited for, so that who was left out of a group waits for one.
                if step == .committing { usleep(3_000) }
                if step == .committed { commits.withLockedValue { $0 += 1 } }
            },
            patience: { _ in .seconds(1) })
        // Each of 20 callers comes 25 times, as soon as it was answered.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<20 {
                group.addTask {
                    for turn in 0..<25 {
                        _ = try await queue.write { writer in
                            try Ledger.perform(
                                .deposit(1, DeedFixture.usdc, from: "a"), id: "\(caller)/\(turn)", at: 1,
                                writer)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await ledger.balance(of: Operation.wallet, DeedFixture.usdc) == 500)
        // 25 groups of 20, and a few while they gathered; without the wait every other one is for a handful.
        #expect(commits.withLockedValue { $0 } <= 32)
    }
}
