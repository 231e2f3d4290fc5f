// Proves that earnings are what clients accepted, that the rest is told as unpaid and then as at risk, day by day.

import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct LedgerEarningsTests {
    private let fixture: LedgerFixture
    private let client = SecretKey.generate()
    private static let day: Int64 = 86_400_000

    init() throws { fixture = try LedgerFixture() }

    private func pass(_ milliseconds: Int64) { fixture.time.withLockedValue { $0 += milliseconds } }

    @Test func whatWasAcceptedIsEarnedAndTheRestIsUnpaid() async throws {
        let daemon = try fixture.open()
        let first = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey, job: 1)
        let second = try fixture.body(
            provider: daemon.key.publicKey, client: client.publicKey, job: 2, unit: 3)
        let own = try fixture.body(provider: daemon.key.publicKey, client: daemon.key.publicKey, job: 3)
        let issued = try await fixture.issued(daemon, first)
        _ = try await fixture.issued(daemon, second)
        _ = try await daemon.signReceipt(own)
        let began = fixture.time.withLockedValue { $0 }
        pass(1_000)
        _ = try await daemon.record(try fixture.acceptance(client, of: issued))
        let today = began / Self.day
        func reply(days: Int = 30, jobs: Int = 10) async throws -> LedgerInterface.Earnings.Reply {
            try await daemon.ledger.earnings(.init(days: days, jobs: jobs), now: daemon.clock())
        }
        var now = try await reply()
        #expect(now.days == [.init(day: today, asset: .testCredit, jobs: 2, earned: 54, unpaid: 162)])
        #expect(Set(now.jobs.map(\.job)) == [first.job, second.job])
        #expect(now.jobs.first { $0.job == first.job }?.acceptedAt == began + 1_000)
        #expect(now.jobs.first { $0.job == second.job }?.acceptedAt == nil)
        #expect(try await reply(jobs: 1).jobs.count == 1)
        #expect(try await reply(jobs: 0).jobs.isEmpty)
        // A day later what is unpaid is at risk, and new work stands on a line of its own.
        pass(Self.day + 1_000)
        _ = try await fixture.issued(
            daemon, try fixture.body(provider: daemon.key.publicKey, client: client.publicKey, job: 4))
        now = try await reply()
        #expect(now.days.map(\.day) == [today + 1, today])
        #expect(now.days.map(\.unpaid) == [54, 162] && now.days.map(\.atRisk) == [0, 162])
        #expect(now.jobs.first?.at == began + Self.day + 2_000)
        #expect(try await reply(days: 1).days.map(\.day) == [today + 1])
    }

    @Test(arguments: [(0, 0), (367, 0), (1, -1), (1, 1_001)])
    func boundsAreKept(days: Int, jobs: Int) async throws {
        let ledger = try fixture.open().ledger
        await #expect(throws: WireError(.invalidParams, "")) {
            try await ledger.earnings(.init(days: days, jobs: jobs), now: 0)
        }
    }
}
