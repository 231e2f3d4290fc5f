// Proves that a job is covered piece by piece, never beyond its quote, the bound or the deposit, that what is charged is
// covered, and that neither side loses more than that, whatever is repeated, mixed up, forged or left out.

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
@testable import LedgerCore

@Suite struct TopUpTests {
    /// 624 bytes of base64, so 980 for the prompt; 510 tokens of 2, so 2,000 in all, of which the first voucher pays 1,180.
    static func nodes(atRisk: Int64 = 100_000, deposit: Int64 = 1_000_000) async throws
        -> ChannelFixture
    {
        let nodes = try ChannelFixture(atRisk: atRisk, chunk: 100)
        try await nodes.opened(deposit)
        return nodes
    }

    private func refused(_ code: ErrorCode, _ words: String, _ body: () async throws -> Void) async {
        let error = await #expect(throws: WireError.self) { try await body() }
        #expect(
            error?.code == code && error?.message.contains(words) == true, "\(words): \(error?.message ?? "")"
        )
    }

    @Test func aJobIsCoveredPieceByPieceAndChargedOnce() async throws {
        let nodes = try await Self.nodes()
        try await nodes.take(1, try await nodes.promise(1))
        #expect(try await nodes.channel(nodes.client).ceiling == 1_180)
        // What it may cost at most is set aside, and what a provider could take is what is covered.
        #expect(try await nodes.channel(nodes.client).open == 2_000)
        #expect(try await nodes.channel(nodes.client).balance == 998_000)
        for (tokens, ceiling) in [(200, 1_380), (300, 1_580), (510, 2_000)] as [(Int, Int64)] {
            let payment = try await nodes.topUp(1, tokens)
            #expect(try await nodes.topUp(1, tokens) == payment)
            for _ in 1...2 { try await nodes.takeTopUp(1, tokens, payment) }
            #expect(try await nodes.channel(nodes.client).ceiling == ceiling)
            #expect(try await nodes.channel(nodes.provider).ceiling == ceiling)
        }
        // What was covered before is covered.
        _ = try await nodes.topUp(1, 150)
        let receipt = try await nodes.receipt(1, tokens: 400)
        _ = try await nodes.client.accept(receipt)
        for daemon in [nodes.client, nodes.provider] {
            let channel = try await nodes.channel(daemon)
            #expect(channel.charged == 830 && channel.open == 0)
        }
        await refused(.policyRefused, "is over") { _ = try await nodes.topUp(1, 510) }
        // The next one is under the ceiling that is signed already.
        try await nodes.take(2, try await nodes.promise(2))
        #expect(try await nodes.channel(nodes.client).ceiling == 2_010)
        try await nodes.requireSound()
    }

    @Test func whatIsNotCoveredIsNotCharged() async throws {
        let nodes = try await Self.nodes()
        try await nodes.take(1, try await nodes.promise(1))
        await refused(.policyRefused, "1180 are covered") {
            _ = try await nodes.receipt(1, tokens: 101, prompt: 980)
        }
        let payment = try await nodes.topUp(1, 200)
        // Not before it is taken: the client's book alone does not bind the provider's.
        await refused(.policyRefused, "1180 are covered") {
            _ = try await nodes.receipt(1, tokens: 101, prompt: 980)
        }
        try await nodes.takeTopUp(1, 200, payment)
        _ = try await nodes.client.accept(try await nodes.receipt(1, tokens: 101, prompt: 980))
        #expect(try await nodes.channel(nodes.client).charged == 1_182)
        // Nor does a client accept what it did not cover.
        try await nodes.take(2, try await nodes.promise(2))
        let body = try ReceiptBody(try await nodes.receipt(2))
        var dear = body
        (dear.usage.promptTokens, dear.usage.completionTokens, dear.price) = (980, 101, 1_182)
        let template = try dear.template(quote: Digest(hex: try nodes.quote(2).id))
        let forged = try nodes.provider.key.sign(template)
        await refused(.policyRefused, "1180 are covered") { _ = try await nodes.client.accept(forged) }
        try await nodes.requireSound()
    }

    @Test func nothingIsCoveredBeyondTheQuoteNorForAnotherJob() async throws {
        let nodes = try await Self.nodes()
        let first = try await nodes.promise(1)
        try await nodes.take(1, first)
        for tokens in [0, -1, 511] {
            await refused(.policyRefused, "510 tokens") { _ = try await nodes.topUp(1, tokens) }
            await refused(.policyRefused, "510 tokens") { try await nodes.takeTopUp(1, tokens, first) }
        }
        await refused(.policyRefused, "No voucher was promised") { _ = try await nodes.topUp(2, 200) }
        await refused(.policyRefused, "taken no job") { try await nodes.takeTopUp(2, 200, first) }
        await refused(.policyRefused, "taken no job") {
            try await nodes.takeTopUp(1, 200, first, from: SecretKey.generate().publicKey)
        }
        // Another client's voucher, on its own channel with the same provider.
        let other = try ChannelFixture(beside: nodes)
        try await other.opened()
        let theirs = try await other.promise(7)
        await refused(.paymentRequired, "not the one on which") { try await nodes.takeTopUp(1, 200, theirs) }
        await refused(.paymentRequired, "cannot be read") {
            try await nodes.takeTopUp(1, 200, "bm90aGluZw==")
        }
        // A piece must be worth the write.
        let payment = try await nodes.topUp(1, 149)
        await refused(.policyRefused, "50 more tokens at least") {
            try await nodes.takeTopUp(1, 149, payment)
        }
        #expect(try await nodes.channel(nodes.provider).ceiling == 1_180)
        try await nodes.requireSound()
    }

    @Test func anOldVoucherCoversNothingNewAndARaisedOneIsForged() async throws {
        let nodes = try await Self.nodes()
        let first = try await nodes.promise(1)
        try await nodes.take(1, first)
        let second = try await nodes.topUp(1, 200)
        try await nodes.takeTopUp(1, 200, second)
        for old in [first, second] {
            await refused(.paymentRequired, "to be covered for this job") {
                try await nodes.takeTopUp(1, 300, old)
            }
        }
        var forged = try PaymentPayload(header: second)
        var batch = try BatchPayment(forged.payload)
        batch.signed.voucher.ceiling = UInt256(1_580)
        forged.payload = batch.payload
        await refused(.paymentRequired, "not signed by the payer") {
            try await nodes.takeTopUp(1, 300, forged.header)
        }
        // Nor does one beyond what the chain holds.
        batch.signed.voucher.ceiling = UInt256(1_000_001)
        batch.signed.signature = try nodes.client.rails[0].signer.sign(
            batch.signed.voucher, of: batch.config, chainID: 137)
        forged.payload = batch.payload
        await refused(.paymentRequired, "the chain says") { try await nodes.takeTopUp(1, 300, forged.header) }
        #expect(try await nodes.channel(nodes.provider).ceiling == 1_380)
        try await nodes.requireSound()
    }

    @Test func vouchersOfTwoJobsMayOvertakeEachOther() async throws {
        let nodes = try await Self.nodes()
        for job in 1...2 { try await nodes.take(job, try await nodes.promise(job)) }
        let (one, two) = (try await nodes.topUp(1, 200), try await nodes.topUp(2, 200))
        try await nodes.takeTopUp(2, 200, two)
        try await nodes.takeTopUp(1, 200, one)
        #expect(try await nodes.channel(nodes.provider).ceiling == 2_760)
        // But one voucher is no two.
        await refused(.paymentRequired, "to be covered for this job") {
            try await nodes.takeTopUp(1, 300, two)
        }
        try await nodes.requireSound()
    }

    @Test func whatIsAtRiskIsWhatIsCovered() async throws {
        let nodes = try await Self.nodes(atRisk: 1_500)
        // The whole would be more than is risked, and is not risked.
        try await nodes.take(1, try await nodes.promise(1))
        try await nodes.takeTopUp(1, 200, try await nodes.topUp(1, 200))
        await refused(.policyRefused, "without a receipt") { _ = try await nodes.topUp(1, 300) }
        _ = try await nodes.client.accept(try await nodes.receipt(1, tokens: 150))
        try await nodes.take(2, try await nodes.promise(2))
        try await nodes.requireSound()
    }

    @Test func whatIsBegunCanBePaidToItsEnd() async throws {
        let nodes = try await Self.nodes(deposit: 3_500)
        try await nodes.take(1, try await nodes.promise(1))
        // 1,500 are left, and its first voucher would be one of 1,180.
        await refused(.paymentRequired, "holds 3500") { _ = try await nodes.promise(2) }
        try await nodes.takeTopUp(1, 510, try await nodes.topUp(1, 510))
        try await nodes.requireSound()
    }

    @Test func aLostReceiptIsCoveredByTheNextVoucherToo() async throws {
        let nodes = try await Self.nodes()
        for job in 1...2 { try await nodes.take(job, try await nodes.promise(job)) }
        // The provider has charged the first; its client never saw the receipt, and took its promise back.
        _ = try await nodes.receipt(1, tokens: 90, prompt: 980)
        _ = try await nodes.client.release(
            .init(job: ChannelFixture.job(1), peer: nodes.provider.key.publicKey, served: false))
        let payment = try await nodes.topUp(2, 200)
        do {
            try await nodes.takeTopUp(2, 200, payment)
            Issue.record("1,160 were charged and are not covered")
        } catch let error as WireError {
            #expect(error.code == .paymentRequired)
            try await nodes.takeTopUp(2, 200, try await nodes.topUp(2, 200, refused: error.cause))
        }
        #expect(try await nodes.channel(nodes.client).ceiling == 2_540)
        try await nodes.requireSound()
    }

    @Test func whatDiesMidwayLeavesWhatWasCoveredAndNoMore() async throws {
        let nodes = try await Self.nodes()
        let (old, new) = (Digest(hashing: "old"), Digest(hashing: "new"))
        try await nodes.take(1, try await nodes.promise(1, process: old), process: old)
        try await nodes.takeTopUp(1, 200, try await nodes.topUp(1, 200))
        for daemon in [nodes.client, nodes.provider] {
            #expect(
                try await daemon.ledger.resume(
                    process: new, keep: [], at: nodes.time.withLockedValue { $0 }) == 1)
            let channel = try await nodes.channel(daemon)
            #expect(channel.open == 0 && channel.charged == 0 && channel.ceiling == 1_380)
        }
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
        await refused(.policyRefused, "is over") { _ = try await nodes.topUp(1, 300) }
        await refused(.policyRefused, "0 are covered") { _ = try await nodes.receipt(1) }
        try await nodes.requireSound()
    }

    @Test func sixtyFourCallersCoverNoMoreThanThereIs() async throws {
        let nodes = try await Self.nodes(atRisk: 9_000)
        for job in 1...4 { try await nodes.take(job, try await nodes.promise(job)) }
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<64 {
                group.addTask {
                    let (job, tokens) = (caller % 4 + 1, 150 + caller * 90 / 16)
                    guard let payment = try? await nodes.topUp(job, tokens) else { return }
                    try? await nodes.takeTopUp(job, tokens, payment)
                }
            }
        }
        let own = try await nodes.client.ledger.book(
            of: try #require(Digest(hex: try await nodes.channel(nodes.client).id)),
            at: nodes.time.withLockedValue { $0 })
        #expect(own.highest <= 9_000 && own.covered <= own.highest && own.open == 8_000)
        #expect(own.covered > 4 * 1_480)
        let theirs = try await nodes.provider.ledger.book(
            of: try #require(Digest(hex: try await nodes.channel(nodes.provider).id)),
            at: nodes.time.withLockedValue { $0 })
        #expect(theirs.covered <= theirs.highest && theirs.highest <= own.highest)
        try await nodes.requireSound()
    }
}
