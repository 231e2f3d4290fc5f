// Proves that jobs are paid by vouchers, charged once, claimed on the chain, and that neither side can lose more than it
// meant to risk: whatever is repeated, replayed, forged, restored or left out.

import EVM
import Foundation
import GRDB
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

@Suite struct ChannelTests {
    @Test func jobsArePaidClaimedAndBookedOnBothSides() async throws {
        let nodes = try ChannelFixture(claimAt: 100)
        try await nodes.opened()
        for job in 1...3 { try await nodes.run(job) }
        let (own, theirs) = (try await nodes.channel(nodes.client), try await nodes.channel(nodes.provider))
        #expect(own.charged == 162 && theirs.charged == 162 && theirs.balance == 162)
        #expect(own.balance == 1_000_000 - 162 && own.open == 0)
        // A voucher that covers what a job may cost is sent again: charged is less than was promised.
        #expect(own.ceiling == 2_108 && theirs.ceiling == 2_108)
        await nodes.look(5)
        #expect(nodes.chain.change { $0.tokens[nodes.provider.rails[0].signer.address] } == UInt256(162))
        #expect(try await nodes.channel(nodes.provider).balance == 0)
        #expect(try await nodes.wallet(nodes.provider) == 162)
        #expect(try await nodes.wallet(nodes.client) == 9_000_000)
        // The second claim takes what came since, and no more.
        for job in 4...5 { try await nodes.run(job, tokens: 100) }
        await nodes.look(5)
        #expect(try await nodes.wallet(nodes.provider) == 162 + 460)
        #expect(nodes.chain.change { $0.tokens[nodes.provider.rails[0].signer.address] } == UInt256(622))
        try await nodes.requireSound()
    }

    @Test func withoutAVoucherNothingIsTaken() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        do {
            try await nodes.take(1, nil)
            Issue.record("a job was taken for nothing")
        } catch let error as WireError {
            #expect(error.code == .paymentRequired)
            let required = try PaymentRequired(header: try #require(error.cause))
            #expect(required.accepts.first?.amount == UInt256(2_000))
            #expect(required.accepts.first?.scheme == "batch-settlement")
        }
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, "bm90aGluZw==") }
        // And no receipt is signed for what was not taken.
        await #expect(throws: WireError.self) { try await nodes.receipt(1) }
    }

    @Test func withoutAChannelOrBeyondItsDepositNothingIsPromised() async throws {
        let nodes = try ChannelFixture()
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(1) }
        try await nodes.opened(5_000)
        _ = try await nodes.promise(1, 3_000)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(2, 3_000) }
        _ = try await nodes.client.release(
            .init(job: ChannelFixture.job(1), peer: nodes.provider.key.publicKey, served: false))
        _ = try await nodes.promise(2, 3_000)
        try await nodes.requireSound()
    }

    @Test func whatLiesOpenIsBounded() async throws {
        let nodes = try ChannelFixture(atRisk: 5_000)
        try await nodes.opened()
        _ = try await nodes.promise(1)
        _ = try await nodes.promise(2)
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.promise(3) }
        // Failed jobs stay signed for: what the provider could still take does not grow by trying again.
        for job in 1...2 {
            _ = try await nodes.client.release(
                .init(job: ChannelFixture.job(job), peer: nodes.provider.key.publicKey, served: false))
        }
        for job in 10..<20 {
            _ = try await nodes.promise(job)
            _ = try await nodes.client.release(
                .init(job: ChannelFixture.job(job), peer: nodes.provider.key.publicKey, served: false))
        }
        #expect(try await nodes.channel(nodes.client).ceiling == 4_000)
        try await nodes.requireSound()
    }

    @Test func oneVoucherCoversNoTwoJobs() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let payment = try await nodes.promise(1)
        try await nodes.take(1, payment)
        // The same again is the same.
        try await nodes.take(1, payment)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(2, payment) }
        // When the first is over, what is left of its promise serves the second.
        let receipt = try await nodes.receipt(1)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(2, payment) }
        let accepted = try await nodes.client.accept(receipt)
        #expect(try await nodes.client.accept(receipt).acceptance == accepted.acceptance)
        try await nodes.take(2, try await nodes.promise(2))
        #expect(try await nodes.channel(nodes.client).charged == 54)
        try await nodes.requireSound()
    }

    @Test func aLowerVoucherIsNeverTakenNorSigned() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let low = try await nodes.promise(1)
        let high = try await nodes.promise(2)
        try await nodes.take(2, high)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, low) }
        // Nor when it would cover the job: nothing is charged, and nothing open any more.
        _ = try await nodes.provider.release(
            .init(job: ChannelFixture.job(2), peer: nodes.client.key.publicKey, served: true))
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, low) }
        let id = try #require(Digest(hex: try await nodes.channel(nodes.client).id))
        for daemon in [nodes.client, nodes.provider] {
            await #expect(throws: DatabaseError.self) {
                try await daemon.ledger.pool.write { db in
                    try db.execute(
                        sql: "INSERT INTO voucher VALUES (?, 3999, zeroblob(65), 0)",
                        arguments: [Data(id.bytes)])
                }
            }
        }
    }

    @Test func whoSeesAVoucherCannotSpendIt() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let payment = try await nodes.promise(1)
        let thief = SecretKey.generate().publicKey
        let terms = ChannelFixture.terms(1, 2_000)
        let quote = try nodes.provider.signQuote(.init(client: thief, terms: terms))
        let refusal = await #expect(throws: WireError(.paymentRequired, "")) {
            _ = try await nodes.provider.take(
                TakenJob(terms, thief), payment: payment, ceiling: 2_000,
                quoted: .init(event: quote, payload: terms.payload, size: terms.size))
        }
        #expect(refusal?.message.contains("between these two nodes") == true)
        // Nor raise it.
        var forged = try PaymentPayload(header: payment)
        var batch = try BatchPayment(forged.payload)
        batch.signed.voucher.ceiling = UInt256(3_000)
        forged.payload = batch.payload
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, forged.header) }
    }

    @Test func aProviderTakesNoMoreThanTheChainHolds() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened(1_500)
        // Signed beyond the deposit by a client that does not keep to its own rules.
        var forged = try PaymentPayload(header: try await nodes.promise(1, 1_000))
        var batch = try BatchPayment(forged.payload)
        batch.signed.voucher.ceiling = UInt256(2_000)
        batch.signed.signature = try nodes.client.rails[0].signer.sign(
            batch.signed.voucher, of: batch.config, chainID: 137)
        forged.payload = batch.payload
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, forged.header) }
        // A deposit that is not final does not count yet.
        _ = try await nodes.client.openChannel(
            .init(
                id: "more", provider: nodes.provider.key.publicKey, asset: DeedFixture.usdc,
                payTo: nodes.payTo, amount: 1_000))
        nodes.wait(3)
        _ = await nodes.client.rails[0].pass()
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, forged.header) }
        await nodes.look(4)
        try await nodes.take(1, forged.header)
    }

    @Test func aReceiptChargesNoMoreThanWasPromisedAndOnlyOnce() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1, 600), 600)
        await #expect(throws: WireError(.policyRefused, "")) {
            try await nodes.receipt(1, tokens: 35, prompt: 531)
        }
        let receipt = try await nodes.receipt(1, tokens: 35, prompt: 530)
        #expect(try await nodes.receipt(1, tokens: 35, prompt: 530).id == receipt.id)
        #expect(try await nodes.channel(nodes.provider).charged == 600)
        _ = try await nodes.client.accept(receipt)
        #expect(try await nodes.channel(nodes.client).balance == 999_400)
        // What was given back is not charged any more.
        try await nodes.take(2, try await nodes.promise(2))
        _ = try await nodes.provider.release(
            .init(job: ChannelFixture.job(2), peer: nodes.client.key.publicKey, served: true))
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.receipt(2) }
        try await nodes.requireSound()
    }

    /// The answer was lost on the way: the provider charged, the client never saw a receipt.
    @Test func aLostReceiptIsCoveredAndTheWorkGoesOn() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        _ = try await nodes.receipt(1)
        _ = try await nodes.client.release(
            .init(job: ChannelFixture.job(1), peer: nodes.provider.key.publicKey, served: false))
        let payment = try await nodes.promise(2)
        do {
            try await nodes.take(2, payment)
            Issue.record("54 were charged and are not covered")
        } catch let error as WireError {
            let again = try await nodes.promise(2, refused: error.cause)
            try await nodes.take(2, again)
        }
        let receipt = try await nodes.receipt(2)
        _ = try await nodes.client.accept(receipt)
        let (own, theirs) = (try await nodes.channel(nodes.client), try await nodes.channel(nodes.provider))
        #expect(own.charged == 54 && theirs.charged == 108 && own.ceiling == 2_054)
        try await nodes.requireSound()
    }

    @Test func aStatedDueBeyondTheBoundIsNotSignedFor() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        let refusal = await #expect(throws: WireError.self) { try await nodes.take(2, nil) }
        var lie = try PaymentRequired(header: try #require(refusal?.cause))
        for stated in ["99999", "9007199254740993", "-1", "1e3"] {
            lie.accepts[0].extra["channelState"] = .object(["chargedCumulativeAmount": .text(stated)])
            await #expect(throws: WireError.self) { try await nodes.promise(2, refused: lie.header) }
        }
        #expect(try await nodes.channel(nodes.client).ceiling == 2_000)
    }

    @Test func aPayerWhoWantsItsMoneyBackIsClaimedFromAtOnce() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        await nodes.look(3)
        #expect(try await nodes.channel(nodes.provider).balance == 54)
        let id = try #require(Digest(hex: try await nodes.channel(nodes.provider).id))
        nodes.chain.change { $0.settlement.leaving[id] = 1 }
        nodes.wait(61)
        await nodes.look(4)
        #expect(try await nodes.wallet(nodes.provider) == 54)
        await #expect(throws: WireError(.paymentRequired, "")) {
            try await nodes.take(2, try await nodes.promise(2))
        }
        try await nodes.requireSound()
    }

    @Test func whatIsLeftComesBackAfterTheDelayAndWhatIsDueDoesNot() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        let id = try await nodes.channel(nodes.client).id
        // A job that is under way keeps its promise; the rest is asked for.
        _ = try await nodes.promise(2)
        let asked = try await nodes.client.leaveChannel(id)
        #expect(asked.amount == 1_000_000 - 54 - 2_000)
        #expect(try await nodes.client.leaveChannel(id).id == asked.id)
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(3) }
        await nodes.look(5)
        // The provider has seen it, and took what was charged; before the delay nothing comes.
        nodes.wait(61)
        await nodes.look(5)
        #expect(try await nodes.wallet(nodes.provider) == 54)
        #expect(try await nodes.wallet(nodes.client) == 9_000_000)
        nodes.wait(86_400)
        await nodes.look(6)
        #expect(try await nodes.wallet(nodes.client) == 9_000_000 + asked.amount)
        let own = nodes.client.rails[0].signer.address
        #expect(
            nodes.chain.change { $0.tokens[own] } == UInt256(UInt64(9_000_000 + asked.amount)))
        #expect(
            try await nodes.client.ledger.payments(limit: 9).map(\.state) == [.settled, .settled, .settled])
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.client.leaveChannel(id) }
        try await nodes.requireSound()
    }

    @Test func whatWasPromisedAndForgottenComesBack() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        nodes.wait(3 * 3_600)
        await nodes.look(1)
        #expect(try await nodes.channel(nodes.provider).open == 0)
        #expect(try await nodes.channel(nodes.client).balance == 998_000)
        nodes.wait(24 * 3_600)
        await nodes.look(1)
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
        try await nodes.requireSound()
    }

    @Test func theAuditFindsAVoucherThatNobodySigned() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        for (daemon, place) in zip([nodes.client, nodes.provider], nodes.places) {
            // With the triggers out of the way, as somebody with the file could.
            let queue = try DatabaseQueue(path: place.path + "/" + Ledger.fileName)
            try await queue.write { db in
                try db.execute(sql: "DROP TRIGGER voucher_no_update")
                try db.execute(sql: "UPDATE voucher SET ceiling = ceiling + 1")
            }
            #expect(
                try await daemon.ledger.audit().faults.contains { $0.contains("not signed by its payer") })
        }
    }
}
