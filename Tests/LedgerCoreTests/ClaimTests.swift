// Claims of several channels in one transaction: one fee, a payment for each, and no channel that spoils it for the others.

import EVM
import Interfaces
import NodeModel
import Testing
import X402

@testable import LedgerChainChild
@testable import LedgerCore

@Suite struct ClaimTests {
    /// Three clients of one provider, each with two jobs done: 108 are due from each.
    private func due(_ count: Int = 3) async throws -> [ChannelFixture] {
        let first = try ChannelFixture(claimAt: 100)
        let all = [first] + (try (1..<count).map { _ in try ChannelFixture(beside: first) })
        for nodes in all { try await nodes.opened() }
        for nodes in all { for job in 1...2 { try await nodes.run(job) } }
        return all
    }

    private func look(_ all: [ChannelFixture], _ times: Int) async {
        for _ in 0..<times {
            _ = await all[0].provider.rails[0].pass()
            all[0].chain.mine()
            all[0].wait(5)
        }
    }

    private func received(_ all: [ChannelFixture]) -> UInt256? {
        all[0].chain.change { $0.tokens[all[0].provider.rails[0].signer.address] }
    }

    private func sent(_ all: [ChannelFixture]) throws -> Int {
        let own = all[0].provider.rails[0].signer.address
        return try all[0].chain.change { state in
            try Set(state.arrived).filter { try SignedEVMTransaction(raw: $0).sender == own }.count
        }
    }

    @Test func severalChannelsAreClaimedByOneTransactionAndBookedEach() async throws {
        let all = try await due()
        // Blocks take their time, so that those who go along must wait for the one that takes them.
        all[0].chain.change { $0.mines = false }
        await look(all, 6)
        #expect(received(all) == UInt256(324))
        #expect(try sent(all) == 1)
        let payments = try await all[0].provider.ledger.payments(limit: 9)
        #expect(payments.map(\.state) == [.settled, .settled, .settled])
        #expect(payments.filter { !$0.letters.isEmpty }.count == 1)
        #expect(try await all[0].wallet(all[0].provider) == 324)
        #expect(try await all[0].provider.ledger.channels(at: 0).allSatisfy { $0.balance == 0 })
        // And again, with what came since.
        for nodes in all { for job in 3...4 { try await nodes.run(job) } }
        await look(all, 6)
        #expect(received(all) == UInt256(648))
        #expect(try sent(all) == 2)
        for nodes in all { try await nodes.requireSound() }
    }

    @Test func moreThanFitAreClaimedByMore() async throws {
        let all = try await due(10)
        await look(all, 8)
        #expect(received(all) == UInt256(1_080))
        #expect(try sent(all) == 2)
        try await all[0].requireSound()
    }

    @Test(arguments: [0, 1, 2]) func aChannelThatSpoilsItDoesSoForMinutesOnly(_ bad: Int) async throws {
        let all = try await due()
        // What the contract says has just been heard; now it holds nothing of one any more.
        let channels = try await all[0].provider.ledger.channels(at: 0).map(\.channel)
        all[0].chain.change { state in
            state.settlement.history.append(.init(block: state.height, id: channels[bad].id))
        }
        await look(all, 60)
        #expect(received(all) == UInt256(216))
        for (index, channel) in channels.enumerated() {
            let left = try await all[0].provider.ledger.balance(of: channel.account, channel.asset)
            let held = try await all[0].provider.ledger.payments(limit: 20).contains {
                $0.id.contains(channel.id.hex) && !$0.state.isOver
            }
            #expect(left == 0 && held == (index == bad))
        }
        try await all[0].requireSound()
    }

    @Test func whosePayerLeavesIsClaimedAlone() async throws {
        let all = try await due()
        _ = try await all[1].client.leaveChannel(try await all[1].channel(all[1].client).id)
        _ = await all[1].client.rails[0].pass()
        all[0].wait(61)
        await look(all, 6)
        #expect(received(all) == UInt256(324))
        #expect(try sent(all) == 2)
        try await all[0].requireSound()
    }
}
