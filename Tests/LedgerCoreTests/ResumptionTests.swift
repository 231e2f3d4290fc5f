// What ends when aggregator-d has begun anew, and what must not; and that a key is not rotated away from money.

import Dispatch
import EVM
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerChainChild
@testable import LedgerCore

@Suite struct ResumptionTests {
    private let former = Digest(hashing: "former")
    private let now = Digest(hashing: "now")

    @Test func promisesOfDeadJobsEndAndThoseWithReceiptsDoNot() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        // One of them is from before processes had names.
        for (job, process) in zip(1...3, [former, former, nil]) {
            try await nodes.take(job, try await nodes.promise(job, process: process), process: process)
        }
        let receipt = try await nodes.receipt(2)
        // The clock is set back: what is told apart by it would end what has just begun, and keep what is dead.
        nodes.wait(-3_600)
        try await nodes.take(4, try await nodes.promise(4, process: now), process: now)
        #expect(try await nodes.channel(nodes.client).open == 8_000)
        // The client keeps the receipt of the second; the fourth is its new beginning's own.
        let keep: Set = [ChannelFixture.job(2)]
        #expect(
            try await nodes.client.ledger.resume(process: now, keep: keep, at: nodes.client.clock()) == 2)
        #expect(try await nodes.channel(nodes.client).open == 4_000)
        #expect(
            try await nodes.client.ledger.resume(process: now, keep: keep, at: nodes.client.clock()) == 0)
        // Set right again: no receipt is taken from the future.
        nodes.wait(3_600)
        #expect(try await nodes.client.accept(receipt).repeated == false)
        #expect(try await nodes.channel(nodes.client).charged == 54)
        // With the provider the second is charged, which is its own end.
        #expect(
            try await nodes.provider.ledger.resume(process: now, keep: [], at: nodes.provider.clock()) == 2)
        let theirs = try await nodes.channel(nodes.provider)
        #expect(theirs.open == 2_000 && theirs.charged == 54 && theirs.balance == 54)
        // No receipt is signed, nor accepted, for what has ended.
        await #expect(throws: WireError.self) { try await nodes.receipt(1) }
        try await nodes.requireSound()
    }

    /// What was asked for by a process that has died since may be on its way to the disk when the next one speaks.
    @Test func aPromiseThatIsBeingWrittenEndsToo() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let channel = try #require(try await nodes.client.ledger.channels(at: nodes.client.clock()).first)
        let event = try nodes.quote(1)
        let promise = Ledger.Promise(
            job: ChannelFixture.job(1), channel: channel.channel, amount: 2_000, stated: 0, atRisk: 100_000,
            limit: nodes.client.limit, quote: KeptQuote(quote: try #require(Quote(event)), event: event),
            process: former)
        let signer = nodes.client.rails[0].signer
        let (begun, gate) = (NIOLockedValueBox(false), DispatchSemaphore(value: 0))
        async let promised = nodes.client.ledger.promise(promise, at: nodes.client.clock()) { voucher in
            begun.withLockedValue { $0 = true }
            gate.wait()
            return try signer.sign(
                voucher, of: channel.channel.config, chainID: channel.channel.chainID)
        }
        while begun.withLockedValue({ !$0 }) { try await Task.sleep(for: .milliseconds(1)) }
        async let ended = nodes.client.ledger.resume(process: now, keep: [], at: nodes.client.clock())
        try await Task.sleep(for: .milliseconds(100))
        gate.signal()
        _ = try await promised
        #expect(try await ended == 1)
        #expect(try await nodes.channel(nodes.client).open == 0)
        try await nodes.requireSound()
    }

    @Test func nothingIsPromisedForWhoIsGoneByThen() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let payment = try await nodes.promise(1, process: former)
        func refused(_ work: @escaping @Sendable () async throws -> Void) async {
            let asked = Task {
                while !Task.isCancelled { await Task.yield() }
                try await work()
            }
            asked.cancel()
            await #expect(throws: (any Error).self) { try await asked.value }
        }
        await refused { _ = try await nodes.promise(2, process: former) }
        let job = TakenJob(ChannelFixture.terms(1, 2_000), nodes.client.key.publicKey)
        await refused { _ = try await nodes.provider.ledger.take(job, at: nodes.provider.clock()) }
        #expect(try await nodes.channel(nodes.client).open == 2_000)
        #expect(try await nodes.provider.ledger.take(job, at: nodes.provider.clock()) == false)
        #expect(!payment.isEmpty)
        try await nodes.requireSound()
    }

    @Test func aReceiptThatDiedOnTheWayIsCoveredByTheNextJobWithinTheBound() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        _ = try await nodes.receipt(1, tokens: 500)
        #expect(
            try await nodes.client.ledger.resume(process: now, keep: [], at: nodes.client.clock()) == 1)
        // All of the channel is free to be promised, and its ceiling stands: the risk is what was signed, as before.
        #expect(try await nodes.channel(nodes.client).balance == 1_000_000)
        var refused: String?
        do { try await nodes.take(2, try await nodes.promise(2)) } catch let error as WireError {
            #expect(error.code == .paymentRequired)
            refused = error.cause
        }
        #expect(refused?.isEmpty == false)
        try await nodes.take(2, try await nodes.promise(2, refused: refused))
        #expect(try await nodes.channel(nodes.client).ceiling == 1_030 + 2_000)
        try await nodes.requireSound()
    }

    @Test func aKeyIsNotRotatedAwayFromMoney() async throws {
        let nodes = try ChannelFixture(claimAt: 1)
        try await nodes.opened()
        func refusal(_ daemon: LedgerDaemon, _ words: String, _ step: String) async throws {
            let error = await #expect(throws: WireError.self) { try await daemon.rotateKey() }
            #expect(error?.code == .conflict)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            #expect(error?.fix?.contains(step) == true, "\(error?.fix ?? "")")
            // The node goes on under its key.
            #expect(daemon.isLeaving.withLockedValue { !$0 })
        }
        try await refusal(nodes.client, "holds 1000000", "wallet leave")
        try await nodes.take(1, try await nodes.promise(1))
        try await refusal(nodes.provider, "may become due", "drain")
        let receipt = try await nodes.receipt(1)
        let accepted = try await nodes.client.accept(receipt)
        _ = try await nodes.provider.record(.init(receipt: receipt, acceptance: accepted.acceptance))
        try await refusal(nodes.provider, "54 are due", "claim")
        _ = await nodes.provider.rails[0].pass()
        try await refusal(nodes.provider, "is under way", "payments")
        await nodes.look(6)
        try await refusal(nodes.provider, "holds 54 of USDC", "wallet pay")
        _ = try await nodes.client.leaveChannel(try await nodes.channel(nodes.client).id)
        try await refusal(nodes.client, "is under way", "payments")
        await nodes.look(6)
        try await refusal(nodes.client, "holds 999946", "wait")
        nodes.wait(86_400)
        await nodes.look(8)
        try await refusal(nodes.client, "holds 9999946 of USDC", "wallet pay")
        let all = LedgerInterface.Pay(
            id: "out", asset: DeedFixture.usdc, amount: 9_999_946, to: ChainScript.payee.checksummed)
        _ = try await nodes.client.pay(all)
        try await refusal(nodes.client, "'out' is under way", "payments")
        await nodes.look(6)
        #expect(try await nodes.client.rotateKey().npub != nodes.client.key.publicKey.npub)
        try await nodes.requireSound()
    }
}
