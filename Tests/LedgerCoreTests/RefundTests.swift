// A payer asks its payee for the rest of a channel, which gives it back at once: never beside a job, never before what is due,
// never more than is left, and once; and both books say what the chain says.

import EVM
import Foundation
import GRDB
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire
import X402

@testable import LedgerChainChild
@testable import LedgerCore

/// What either side of a refund is asked.
extension ChannelFixture {
    func askBack() async throws -> LedgerInterface.AskRefund.Reply {
        try await client.askRefund(try await channel(client).id)
    }

    func give(_ request: String) async throws -> Int64 {
        try await provider.giveRefund(.init(client: client.key.publicKey, request: request)).amount
    }

    /// The same request for another amount: x402 has the payer sign who asks, and not how much.
    func changed(_ request: String, _ amount: UInt64) throws -> String {
        var payload = try PaymentPayload(header: request)
        var batch = try BatchPayment(payload.payload)
        batch.purpose = .refund(UInt256(amount))
        payload.payload = batch.payload
        return payload.header
    }

    func tokens(_ daemon: LedgerDaemon) -> UInt256? {
        chain.change { $0.tokens[daemon.rails[0].signer.address] }
    }

    func states(_ daemon: LedgerDaemon, _ word: String) async throws -> [PaymentState] {
        try await daemon.ledger.payments(limit: 50).filter { $0.id.contains(word) }.map(\.state)
    }
}

@Suite struct RefundTests {
    @Test func theRestComesBackAtOnceAndWhatIsDueDoesNot() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        let began = nodes.client.clock()
        let asked = try await nodes.askBack()
        #expect(asked.payment.amount == 1_000_000 - 54 && asked.payment.state == "handed")
        // Nothing is promised from it any more; asked again it is the same.
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(2) }
        #expect(try await nodes.askBack() == asked)
        #expect(try await nodes.give(asked.request) == 1_000_000 - 54)
        #expect(try await nodes.give(asked.request) == 1_000_000 - 54)
        await nodes.look(10)
        #expect(nodes.tokens(nodes.client) == UInt256(9_999_946))
        #expect(nodes.tokens(nodes.provider) == UInt256(54))
        #expect(try await nodes.wallet(nodes.client) == 9_999_946)
        #expect(try await nodes.wallet(nodes.provider) == 54)
        #expect(try await nodes.channel(nodes.client).balance == 0)
        #expect(try await nodes.states(nodes.client, "return") == [.settled])
        #expect(try await nodes.states(nodes.provider, "refund") == [.settled])
        #expect(nodes.client.clock() - began < 86_400_000)
        // Empty, it pays for nothing, and there is nothing more to give.
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.give(asked.request) }
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.askBack() }
        try await nodes.requireSound()
        // With more in it, it is what it was.
        _ = try await nodes.client.openChannel(
            .init(
                id: "more", provider: nodes.provider.key.publicKey, asset: DeedFixture.usdc,
                payTo: nodes.payTo, amount: 10_000))
        await nodes.look(5)
        nodes.wait(61)
        // A fee for each is what this node would pay for a millionth at a time: once a day is enough.
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.give(asked.request) }
        nodes.wait(86_400)
        try await nodes.run(3)
        #expect(try await nodes.give(try await nodes.askBack().request) == 10_000 - 54)
        await nodes.look(10)
        #expect(try await nodes.wallet(nodes.client) == 10_000_000 - 108)
        #expect(try await nodes.wallet(nodes.provider) == 108)
        #expect(nodes.chain.change { $0.settlement.history.last?.refunds } == 2)
        try await nodes.requireSound()
    }

    @Test func whileAJobRunsNothingIsGiven() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        let asked = try await nodes.askBack()
        await #expect(throws: WireError(.conflict, "")) { try await nodes.give(asked.request) }
        await nodes.look(4)
        #expect(try await nodes.states(nodes.provider, "refund") == [])
        let accepted = try await nodes.client.accept(try await nodes.receipt(1))
        #expect(accepted.repeated == false)
        #expect(try await nodes.give(asked.request) == 1_000_000 - 54)
        await nodes.look(10)
        #expect(try await nodes.wallet(nodes.provider) == 54)
        #expect(nodes.tokens(nodes.client) == UInt256(9_999_946))
        // What the job did not use came back too late to be in the wait: the next one finds it.
        #expect(try await nodes.channel(nodes.client).balance == 2_000 - 54)
        _ = try await nodes.askBack()
        await nodes.look(4)
        #expect(try await nodes.channel(nodes.client).balance == 0)
        try await nodes.requireSound()
    }

    @Test func whileItIsOnItsWayNoJobIsTaken() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let voucher = try await nodes.promise(1)
        #expect(try await nodes.give(try await nodes.askBack().request) == 1_000_000)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, voucher) }
        let id = try #require(Digest(hex: try await nodes.channel(nodes.provider).id))
        // Nor where the code would let it.
        let quote = try nodes.quote(1)
        let json = Data(try CanonicalJSON.encode(quote))
        await #expect(throws: DatabaseError.self) {
            try await nodes.provider.ledger.pool.write { db in
                try db.execute(
                    sql: "INSERT INTO event (id, json) VALUES (?, ?)", arguments: [quote.id, json])
                try db.execute(
                    sql: "INSERT INTO voucher VALUES (?, 2000, zeroblob(65), 0)", arguments: [Data(id.bytes)])
                try db.execute(
                    sql: "INSERT INTO pledge (channel, job, amount, at, quote) VALUES (?, 'job', 1, 0, ?)",
                    arguments: [Data(id.bytes), quote.id])
            }
        }
        await nodes.look(10)
        // And none on what was heard of the channel before.
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, voucher) }
        #expect(nodes.tokens(nodes.provider) ?? .zero == .zero)
        try await nodes.requireSound()
    }

    @Test func noMoreIsGivenThanIsLeft() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        let asked = try await nodes.askBack().request
        for amount in [1_000_000 - 53, 1_000_000, .max] as [UInt64] {
            let more = try nodes.changed(asked, amount)
            await #expect(throws: WireError(.policyRefused, "")) { try await nodes.give(more) }
        }
        let nothing = try nodes.changed(asked, 0)
        await #expect(throws: WireError.self) { try await nodes.give(nothing) }
        #expect(try await nodes.give(try nodes.changed(asked, 400_000)) == 400_000)
        await nodes.look(10)
        #expect(try await nodes.wallet(nodes.client) == 9_400_000)
        // The payer's books have what came, and no more than that.
        #expect(try await nodes.channel(nodes.client).balance == 600_000 - 54)
        nodes.wait(61)
        try await nodes.run(2)
        #expect(try await nodes.channel(nodes.provider).charged == 108)
        try await nodes.requireSound()
    }

    @Test func onlyThePayerIsGivenIt() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let asked = try await nodes.askBack().request
        let thief = SecretKey.generate().publicKey
        await #expect(throws: WireError(.notPermitted, "")) {
            try await nodes.provider.giveRefund(.init(client: thief, request: asked))
        }
        var forged = try PaymentPayload(header: asked)
        var batch = try BatchPayment(forged.payload)
        batch.signed.voucher.ceiling = UInt256(1)
        forged.payload = batch.payload
        await #expect(throws: WireError(.verificationFailed, "")) { try await nodes.give(forged.header) }
        batch.purpose = .voucher
        forged.payload = batch.payload
        await #expect(throws: WireError(.invalidParams, "")) { try await nodes.give(forged.header) }
        await #expect(throws: WireError(.invalidParams, "")) { try await nodes.give("bm90aGluZw==") }
        // A payer gives itself nothing, and a payee asks for nothing.
        await #expect(throws: WireError(.notFound, "")) {
            try await nodes.client.askRefund(Digest(hashing: "").hex)
        }
        _ = try await nodes.give(asked)
        await #expect(throws: WireError(.notFound, "")) {
            try await nodes.provider.askRefund(try await nodes.channel(nodes.provider).id)
        }
    }

    @Test func aProviderThatGivesNothingIsNotWaitedForForEver() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let asked = try await nodes.askBack()
        await nodes.look(4)
        #expect(try await nodes.channel(nodes.client).balance == 0)
        #expect(
            await nodes.client.shown(try await nodes.client.ledger.payment(asked.payment.id)).awaiting?
                .contains("the provider to give it back") == true)
        nodes.wait(4_300)
        await nodes.look(3)
        #expect(try await nodes.states(nodes.client, "return") == [.failed])
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
        // It gives it back later after all: then the next request finds that it came.
        _ = try await nodes.give(asked.request)
        await nodes.look(8)
        #expect(try await nodes.wallet(nodes.client) == 10_000_000)
        _ = try await nodes.askBack()
        await nodes.look(4)
        #expect(try await nodes.states(nodes.client, "return") == [.settled, .failed])
        #expect(try await nodes.channel(nodes.client).balance == 0)
        try await nodes.requireSound()
    }

    @Test func whoDoesNotWantToWaitTakesTheDelay() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let asked = try await nodes.askBack().request
        let id = try await nodes.channel(nodes.client).id
        let left = try await nodes.client.leaveChannel(id)
        #expect(left.amount == 1_000_000)
        #expect(try await nodes.states(nodes.client, "return") == [.failed])
        await #expect(throws: WireError(.conflict, "")) { try await nodes.askBack() }
        await nodes.look(6)
        // Now the payee gives it back before the delay is over.
        _ = try await nodes.give(asked)
        await nodes.look(10)
        #expect(try await nodes.wallet(nodes.client) == 10_000_000)
        #expect(nodes.tokens(nodes.client) == UInt256(10_000_000))
        #expect(try await nodes.states(nodes.client, "channel-withdraw") == [.settled])
        try await nodes.requireSound()
    }

    @Test func aPayeeThatUndoesTheRequestByGivingLittleKeepsNothing() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let asked = try await nodes.askBack().request
        let id = try await nodes.channel(nodes.client).id
        _ = try await nodes.client.leaveChannel(id)
        await nodes.look(6)
        _ = try await nodes.give(try nodes.changed(asked, 1))
        await nodes.look(10)
        // The request is gone from the contract, and the books say so: it can be asked for again.
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
        _ = try await nodes.askBack()
        await nodes.look(3)
        #expect(try await nodes.channel(nodes.client).balance == 999_999)
        _ = try await nodes.client.leaveChannel(id)
        await nodes.look(6)
        nodes.wait(86_400)
        await nodes.look(6)
        #expect(try await nodes.wallet(nodes.client) == 10_000_000)
        try await nodes.requireSound()
    }

    @Test func whatIsNotCarriedInTimeIsCarriedOnceAllTheSame() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        _ = try await nodes.give(try await nodes.askBack().request)
        // The chain keeps what it is given to itself for hours.
        nodes.chain.change { $0.mines = false }
        for _ in 0..<2 { _ = await nodes.provider.rails[0].pass() }
        let kept = nodes.chain.change { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        #expect(kept.count == 1)
        for _ in 0..<10 {
            nodes.wait(600)
            _ = await nodes.provider.rails[0].pass()
            nodes.chain.change { $0.waiting = [] }
            nodes.chain.mine()
        }
        #expect(try await nodes.states(nodes.provider, "refund").contains(.failed))
        // It is tried again, with other bytes: those of the first try are the first try's.
        let open = try #require(try await nodes.provider.ledger.openRefunds("eip155:137").first)
        #expect(open.tries.count == 2 && open.tries.allSatisfy { !$0.letters.isEmpty })
        // Whatever is still out there may pass: the channel stays closed, and one of all that was signed passes.
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, nil) }
        nodes.chain.change { state in
            state.mines = true
            state.waiting = kept
        }
        await nodes.look(12)
        #expect(nodes.tokens(nodes.client) == UInt256(10_000_000))
        #expect(nodes.chain.change { $0.settlement.history.last?.refunds } == 1)
        #expect(try await nodes.provider.ledger.openRefunds("eip155:137").isEmpty)
        try await nodes.requireSound()
    }
}

/// Lies that a carrier can tell while a refund is given.
@Suite struct HostileRefundTests {
    /// The claim is said to be paid and is not: the refund takes it along.
    @Test func whatIsDueGoesFirstWhateverTheChainIsSaidToHave() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        _ = try await nodes.give(try await nodes.askBack().request)
        nodes.chain.change { state in
            state.mines = false
            state.lie = { method, truth in
                guard method == "eth_call", let text = truth as? String, text.utf8.count == 130 else {
                    return truth
                }
                return String(text.prefix(66)) + String(text.dropFirst(2).prefix(64))
            }
        }
        for _ in 0..<4 {
            _ = await nodes.provider.rails[0].pass()
            nodes.chain.change { $0.waiting = [] }
            nodes.chain.mine()
            nodes.wait(5)
        }
        #expect(
            try await nodes.states(nodes.provider, "claim/\(try await nodes.channel(nodes.provider).id)") == [
                .settled
            ])
        nodes.chain.change { state in
            state.mines = true
            state.lie = nil
        }
        nodes.wait(120)
        await nodes.look(8)
        #expect(nodes.tokens(nodes.provider) == UInt256(54))
        #expect(nodes.tokens(nodes.client) == UInt256(9_999_946))
    }

    @Test func droppedRepeatedAndReorderedAnswersRefundOnce() async throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let nodes = try ChannelFixture()
            try await nodes.opened()
            try await nodes.run(1)
            _ = try await nodes.give(try await nodes.askBack().request)
            let (random, old) = (
                NIOLockedValueBox(SeededRandom(state: seed)), NIOLockedValueBox<[Data]>([])
            )
            nodes.chain.change { state in
                state.lie = { _, truth in HostileCarrierTests.storm(truth, random, old) }
            }
            for _ in 0..<40 {
                _ = await nodes.client.rails[0].pass()
                _ = await nodes.provider.rails[0].pass()
                nodes.chain.mine()
                nodes.wait(10)
            }
            nodes.chain.change { $0.lie = nil }
            // Other processes, which remember nothing that they were told.
            let client = try ChannelFixture.open(nodes.places[0].path, nodes.chain, nodes.time)
            let provider = try ChannelFixture.open(nodes.places[1].path, nodes.chain, nodes.time)
            for _ in 0..<12 {
                _ = await client.rails[0].pass()
                _ = await provider.rails[0].pass()
                nodes.chain.mine()
                nodes.wait(30)
            }
            #expect(nodes.tokens(nodes.client) == UInt256(9_999_946), "seed \(seed)")
            #expect(nodes.tokens(nodes.provider) == UInt256(54), "seed \(seed)")
            #expect(try await provider.ledger.audit().faults == [], "seed \(seed)")
            #expect(try await client.ledger.audit().faults == [], "seed \(seed)")
        }
    }
}
