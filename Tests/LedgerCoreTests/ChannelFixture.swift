// Two nodes' ledgers over one chain in memory, with one clock: a client who pays by vouchers, and a provider.
// It must never stub what is tested: keys, SQLite and signatures are the real ones.

import DaemonKit
import EVM
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import TestKit
import Testing
import Wire
import X402

@testable import Interfaces
@testable import LedgerChainChild
@testable import LedgerCore

struct ChannelFixture: Sendable {
    static let price = UnitPrice(asset: DeedFixture.usdc, prompt: 1, completion: 2)
    let chain: ModelChain
    let time: NIOLockedValueBox<Int64>
    var places: [TemporaryDirectory]
    let client: LedgerDaemon
    var provider: LedgerDaemon
    /// What the provider said of each job.
    let quotes = QuoteBox()
    /// How many tokens one voucher pays; nil where it pays for all.
    let chunk: Int?

    init(
        _ chain: ModelChain = ModelChain(), atRisk: Int64 = 100_000, claimAt: Int64 = 1_000_000,
        chunk: Int? = nil
    ) throws {
        self.chunk = chunk
        self.chain = chain
        let time = NIOLockedValueBox<Int64>(DeedFixture.start)
        self.time = time
        places = [try TemporaryDirectory(), try TemporaryDirectory()]
        client = try Self.open(places[0].path, chain, time, atRisk, claimAt)
        provider = try Self.open(places[1].path, chain, time, atRisk, claimAt)
    }

    /// Another client of the same provider.
    init(beside other: ChannelFixture) throws {
        (chain, time, provider) = (other.chain, other.time, other.provider)
        chunk = other.chunk
        places = [try TemporaryDirectory()]
        client = try Self.open(places[0].path, chain, time)
    }

    static func open(
        _ place: String, _ chain: ModelChain, _ time: NIOLockedValueBox<Int64>, _ atRisk: Int64 = 100_000,
        _ claimAt: Int64 = 1_000_000, facilitator: (any Carrier)? = nil,
        shopper: (any ShopCarrier)? = nil
    ) throws -> LedgerDaemon {
        var section = LedgerSection()
        section.chains = [try #require(ChainSection.known.first)]
        section.channels.maxAtRisk = atRisk
        section.channels.claimAt = claimAt
        if shopper != nil {
            var shop = ShopSection()
            (shop.name, shop.maxPerPayment) = ("shop", 2_000)
            section.shops = [shop]
        }
        if facilitator != nil { section.facilitator = CarryEndpoint.settling }
        let environment = DaemonEnvironment.ledger(section, in: place)
        return try LedgerDaemon(
            environment, chains: facilitator ?? chain, shopper: shopper,
            clock: { time.withLockedValue { $0 } })
    }

    /// Both clocks go on.
    func wait(_ seconds: Int64) {
        time.withLockedValue { $0 += seconds * 1000 }
        chain.change { $0.time += seconds }
    }

    /// Both nodes look at the chain a few times, and blocks pass.
    func look(_ times: Int = 4) async {
        for _ in 0..<times {
            _ = await client.rails[0].pass()
            _ = await provider.rails[0].pass()
            chain.mine()
            wait(5)
        }
    }

    var payTo: PayTo { provider.ownTerms(provider.rails[0]) }

    /// A client with money, and a channel with some of it.
    func opened(_ amount: Int64 = 1_000_000) async throws {
        await look(1)
        chain.deposit(10_000_000, to: client.rails[0].signer.address)
        await look(3)
        try #require(try await wallet(client) == 10_000_000)
        _ = try await client.openChannel(
            .init(
                id: "open", provider: provider.key.publicKey, asset: DeedFixture.usdc, payTo: payTo,
                amount: amount))
        await look(5)
        try #require(try await channel(client).balance == amount)
    }

    func wallet(_ daemon: LedgerDaemon) async throws -> Int64 {
        try await daemon.ledger.balance(of: Operation.wallet, DeedFixture.usdc)
    }

    func channel(_ daemon: LedgerDaemon) async throws -> LedgerInterface.Channel {
        try #require(try await daemon.shownChannels().channels.first)
    }

    static func job(_ number: Int) -> JobID {
        var random = SeededRandom(state: UInt64(number))
        return JobID(milliseconds: 1_790_000_000_000, random: &random)
    }

    /// What a job may be like that costs so much at most.
    static func terms(_ job: Int, _ amount: Int64, _ price: UnitPrice = price) -> QuoteTerms {
        QuoteBox.terms(Self.job(job), amount, price)
    }

    /// The provider's quote for a job; the same one for the same job.
    func quote(_ job: Int, _ amount: Int64 = 2_000) throws -> SignedEvent {
        try quotes.quote(client.key.publicKey, Self.terms(job, amount), chunk: chunk, by: provider)
    }

    /// The client's voucher for a job.
    func promise(
        _ job: Int, _ amount: Int64 = 2_000, refused: String? = nil, process: Digest? = nil
    ) async throws -> String {
        try await client.promise(
            .init(
                provider: provider.key.publicKey, payTo: payTo, terms: Self.terms(job, amount),
                quote: try quote(job, amount), refused: refused, process: process)
        ).payment
    }

    /// The provider takes a job with it.
    func take(
        _ job: Int, _ payment: String?, _ ceiling: Int64 = 2_000, process: Digest? = nil
    ) async throws {
        let terms = Self.terms(job, ceiling)
        _ = try await provider.take(
            TakenJob(terms, client.key.publicKey), payment: payment, ceiling: ceiling, process: process,
            quoted: .init(event: try quote(job, ceiling), payload: terms.payload, size: terms.size))
    }

    /// The receipt of a job with so many tokens in its answer, signed by the provider: twice as much and the prompt's.
    func receipt(_ job: Int, tokens: Int64 = 12, prompt: Int64 = 30) async throws -> SignedEvent {
        try await provider.signReceipt(
            ReceiptBody(
                job: Self.job(job), provider: provider.key.publicKey, client: client.key.publicKey,
                model: "smollm2-135m-instruct", modelRoot: Digest(hashing: "model"),
                image: "sha256:" + Digest(hashing: "image").hex, requestHash: Digest(hashing: "request"),
                resultHash: Digest(hashing: "answer"),
                usage: Usage(promptTokens: prompt, completionTokens: tokens),
                timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300),
                finish: .stop, unitPrice: Self.price, price: prompt + 2 * tokens,
                finishedAt: time.withLockedValue { $0 } / 1000))
    }

    /// The client's voucher for a job up to a token.
    func topUp(_ job: Int, _ tokens: Int, refused: String? = nil) async throws -> String {
        try await client.topUp(
            .init(provider: provider.key.publicKey, job: Self.job(job), tokens: tokens, refused: refused)
        ).payment
    }

    /// The provider takes it.
    func takeTopUp(
        _ job: Int, _ tokens: Int, _ payment: String, from client: PublicKey? = nil
    ) async throws {
        _ = try await provider.takeTopUp(
            .init(
                client: client ?? self.client.key.publicKey, job: Self.job(job), tokens: tokens,
                payment: payment))
    }

    /// A job from the voucher to the accepted receipt.
    func run(_ job: Int, tokens: Int64 = 12) async throws {
        try await take(job, try await promise(job))
        let receipt = try await receipt(job, tokens: tokens)
        let accepted = try await client.accept(receipt)
        _ = try await provider.record(ReceiptBundle(receipt: receipt, acceptance: accepted.acceptance))
    }

    func requireSound() async throws {
        #expect(try await client.ledger.audit().faults == [])
        #expect(try await provider.ledger.audit().faults == [])
    }
}
