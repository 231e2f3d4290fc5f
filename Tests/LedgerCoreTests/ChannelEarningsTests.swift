// Proves that a voucher's job is earned when the chain has paid it, whatever its client said, and unpaid until then.

import Interfaces
import NodeModel
import Testing

@testable import LedgerChainChild
@testable import LedgerCore

@Suite struct ChannelEarningsTests {
    private func day(_ nodes: ChannelFixture) async throws -> LedgerInterface.Earnings.Day {
        let reply = try await nodes.provider.ledger.earnings(
            .init(days: 30, jobs: 10), now: nodes.provider.clock())
        try #require(reply.days.count == 1)
        return reply.days[0]
    }

    /// Two jobs that were accepted, and one whose acceptance never came.
    private func worked() async throws -> ChannelFixture {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        for job in 1...2 { try await nodes.run(job) }
        try await nodes.take(3, try await nodes.promise(3))
        _ = try await nodes.receipt(3)
        return nodes
    }

    @Test func whatIsNotClaimedIsUnpaidAndNotAtRisk() async throws {
        let nodes = try await worked()
        var now = try await day(nodes)
        #expect(now.jobs == 3 && now.earned == 0 && now.unpaid == 162 && now.atRisk == 0)
        // The claim is held back: it was asked for, signed and handed, and no block has it.
        nodes.wait(86_401)
        nodes.chain.change { $0.mines = false }
        _ = await nodes.provider.rails[0].pass()
        try #require(try await nodes.provider.ledger.payments(limit: 9).map(\.state) == [.handed])
        now = try await day(nodes)
        #expect(now.earned == 0 && now.unpaid == 162 && now.atRisk == 0)
        await nodes.look(5)
        now = try await day(nodes)
        #expect(now.earned == 162 && now.unpaid == 0 && now.atRisk == 0)
        let jobs = try await nodes.provider.ledger.earnings(
            .init(days: 30, jobs: 10), now: nodes.provider.clock()
        ).jobs
        #expect(jobs.map(\.unclaimed) == [0, 0, 0] && jobs.count { $0.acceptedAt == nil } == 1)
        // What comes after a claim is unpaid by itself.
        try await nodes.run(4)
        let reply = try await nodes.provider.ledger.earnings(
            .init(days: 30, jobs: 1), now: nodes.provider.clock())
        #expect(reply.jobs.map(\.unclaimed) == [54])
        #expect(reply.days.map(\.unpaid).reduce(0, +) == 54)
        try await nodes.requireSound()
    }

    @Test func whatTheContractDoesNotPayIsAtRisk() async throws {
        let nodes = try await worked()
        nodes.wait(86_401)
        nodes.chain.change { state in
            let channel = state.settlement.history[state.settlement.history.count - 1].id
            state.settlement.history.append(.init(block: state.height, id: channel))
        }
        await nodes.look(2)
        nodes.wait(4_300)
        await nodes.look(3)
        try #require(try await nodes.provider.ledger.payments(limit: 9).last?.state == .failed)
        let now = try await day(nodes)
        #expect(now.earned == 0 && now.unpaid == 162 && now.atRisk == 162)
    }
}
