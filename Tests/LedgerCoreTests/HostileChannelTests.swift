// Lies that a carrier can tell about channels, and what must still hold: nothing is signed for a false contract, nothing is
// lost for good, nothing is claimed twice.

import EVM
import Foundation
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire
import X402

@testable import Interfaces
@testable import LedgerChainChild
@testable import LedgerCore

@Suite struct HostileChannelTests {
    @Test func aContractThatNamesTheChannelOtherwiseGetsNoDeposit() async throws {
        let nodes = try ChannelFixture()
        await nodes.look(1)
        nodes.chain.deposit(10_000_000, to: nodes.client.rails[0].signer.address)
        await nodes.look(3)
        let another = "0x" + String(repeating: "ab", count: 32)
        nodes.chain.change { state in
            state.lie = { method, truth in
                // Of all that is asked from here on, only the name of a channel is one word without zeros at its head.
                guard method == "eth_call", let text = truth as? String, text.utf8.count == 66,
                    !text.hasPrefix("0x00000000000000000000000000000000")
                else { return truth }
                return another
            }
        }
        _ = try await nodes.client.openChannel(
            .init(
                id: "open", provider: nodes.provider.key.publicKey, asset: DeedFixture.usdc,
                payTo: nodes.payTo, amount: 1_000_000))
        await nodes.look(4)
        let payment = try #require(try await nodes.client.ledger.payments(limit: 1).first)
        #expect(payment.state == .asked && payment.letters == [])
        #expect(nodes.chain.change { $0.arrived } == [])
        nodes.chain.change { $0.lie = nil }
        await nodes.look(5)
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
    }

    /// Cumulative claims heal: what a liar had the books believe was claimed comes with the next one.
    @Test func aClaimThatNeverHappenedComesWithTheNext() async throws {
        let nodes = try ChannelFixture(claimAt: 1)
        try await nodes.opened()
        try await nodes.run(1)
        // The chain takes nothing, and is said to have paid: every channel was claimed to the last.
        nodes.chain.change { state in
            state.mines = false
            state.lie = { method, truth in
                guard method == "eth_call", let text = truth as? String, text.utf8.count == 130 else {
                    return truth
                }
                return String(text.prefix(66)) + String(text.dropFirst(2).prefix(64))
            }
        }
        await nodes.look(4)
        #expect(try await nodes.channel(nodes.provider).balance == 0)
        #expect(try await nodes.wallet(nodes.provider) == 0)
        nodes.chain.change { state in
            state.mines = true
            state.waiting = []
            state.lie = nil
        }
        nodes.wait(120)
        try await nodes.run(2)
        await nodes.look(6)
        #expect(try await nodes.wallet(nodes.provider) == 108)
        try await nodes.requireSound()
    }

    @Test func droppedRepeatedAndReorderedAnswersClaimOnce() async throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let nodes = try ChannelFixture(claimAt: 1)
            try await nodes.opened()
            let (random, old) = (
                NIOLockedValueBox(SeededRandom(state: seed)), NIOLockedValueBox<[Data]>([])
            )
            try await nodes.run(1)
            nodes.chain.change { state in
                state.lie = { _, truth in HostileCarrierTests.storm(truth, random, old) }
            }
            for _ in 0..<40 {
                _ = await nodes.provider.rails[0].pass()
                nodes.chain.mine()
                nodes.wait(10)
            }
            let held = nodes.chain.change { $0.tokens[nodes.provider.rails[0].signer.address] ?? .zero }
            #expect([UInt256.zero, UInt256(54)].contains(held), "seed \(seed)")
            nodes.chain.change { $0.lie = nil }
            // Another process, which remembers nothing that it was told.
            let again = try ChannelFixture.open(nodes.places[1].path, nodes.chain, nodes.time, 100_000, 1)
            for _ in 0..<8 {
                _ = await again.rails[0].pass()
                nodes.chain.mine()
                nodes.wait(30)
            }
            #expect(
                nodes.chain.change { $0.tokens[again.rails[0].signer.address] } == UInt256(54), "seed \(seed)"
            )
            #expect(try await nodes.wallet(again) == 54, "seed \(seed)")
            #expect(try await again.ledger.audit().faults == [], "seed \(seed)")
        }
    }

    @Test func vouchersTakeLittleTime() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let (began, jobs) = (ContinuousClock.now, 200)
        for job in 1...jobs { try await nodes.run(job) }
        let each = (ContinuousClock.now - began) / .milliseconds(1) / Double(jobs)
        #expect(try await nodes.channel(nodes.provider).charged == 54 * Int64(jobs))
        print(
            "figure: a paid job's part of both ledgers, from promise to acceptance: \((each * 10).rounded() / 10) ms"
        )
        try await nodes.requireSound()
    }
}
