// The crash matrix: a real process is killed by SIGKILL at every boundary between two writes of every kind of deed.
// Afterwards the chain holds, sums are zero, nothing that was answered is lost, and nothing happened twice.

import Foundation
import GRDB
import Glibc
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore
@testable import LedgerCrashChild

extension LongRunningTests {
    @Suite struct CrashMatrixTests {
        static let kills = 500
        /// Every boundary of every kind of deed, as the code itself passes them.
        private func boundaries() async throws -> [String] {
            let (names, seen) = (
                NIOLockedValueBox(DeedScript.Boundaries()), NIOLockedValueBox<Set<String>>([])
            )
            let ledger = try DeedFixture().open { step in
                let name = names.withLockedValue { $0.name(step) }
                seen.withLockedValue { _ = $0.insert(name) }
            }
            for index in 0..<(3 * DeedScript.round) {
                let (id, deed, at) = DeedScript.deed(index)
                names.withLockedValue { $0.begin(deed) }
                _ = try await ledger.perform(deed, id: id, at: at)
            }
            return seen.withLockedValue { $0.sorted() }
        }

        @Test(.timeLimit(.minutes(15)))
        func everyBoundarySurvivesAKill() async throws {
            let points = try await boundaries()
            #expect(
                points.count >= 70 && points.contains("reserve committing 1")
                    && points.contains("void committed 1"))
            let started = ContinuousClock.now
            let place = try DeedFixture(key: try #require(SecretKey(bytes: DeedScript.secret)))
            var (hit, done, answered) = (Set<String>(), 0, [Int: Int64]())
            var kills = 0
            let children = try ForkedChildren("LedgerCrashChild")
            while kills < Self.kills {
                // Two deeds that were answered are asked again, which passes no boundary; then it goes on to the point.
                let first = max(0, done - 2)
                let boundary = points[kills % points.count]
                let child = try await children.run([place.directory, "\(first)", boundary])
                try #require(child.signal == SIGKILL, "the child was not killed at '\(boundary)'")
                kills += 1
                for line in child.lines {
                    let words = line.split(separator: " ").map(String.init)
                    if words[0] == "at" {
                        hit.insert(words.dropFirst().joined(separator: " "))
                        continue
                    }
                    let (index, sequence) = (try #require(Int(words[1])), try #require(Int64(words[2])))
                    // What was answered once is answered the same for ever.
                    try #require(answered.updateValue(sequence, forKey: index) ?? sequence == sequence)
                    done = max(done, index + 1)
                }
                let ledger = try place.open()
                let booked = try await ledger.reading { db in
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM operation") ?? 0
                }
                // At most the deed under way may be there unanswered; the rest is exactly what was answered.
                try #require(
                    (done...(done + 1)).contains(booked), "kill \(kills): \(booked) booked, \(done) answered")
                #expect(
                    try await ledger.balance(of: Operation.wallet, DeedScript.usdc)
                        == DeedScript.wallet(after: booked)
                )
                if kills % 100 == 0 { #expect(try await ledger.audit().faults == [], "kill \(kills)") }
            }
            let ledger = try place.open()
            let report = try await ledger.audit()
            #expect(report.faults == [] && report.heads > 5)
            #expect(Set(points) == hit)
            KillCount.add(kills, "deeds")
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            print(
                """
                figure: crash matrix: \(kills) kills at \(hit.count) of \(points.count) boundaries, \(report.transfers) deeds, \
                none lost, none twice, \(Int(seconds)) s
                """)
        }
    }
}
