// Two nodes' ledgers, each over a small LNbits of its own in memory, with one clock: a client who pays ahead, a provider.
// It must never stub what is tested: keys, SQLite, signatures and the rails are the real ones.

import DaemonKit
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

extension ModelLNbits: RelayCarrier {
    func exchange(
        _ endpoint: String, _ event: SignedEvent, kind: Int, author: PublicKey
    ) async throws -> (answer: SignedEvent?, words: String) { (nil, "") }
}

struct CreditFixture: Sendable {
    static let price = UnitPrice(
        asset: Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/bolt11:msat"), prompt: 10,
        completion: 20)
    static let funds: Int64 = 20_000_000
    let time: NIOLockedValueBox<Int64>
    let places: [TemporaryDirectory]
    let services: (client: ModelLNbits, provider: ModelLNbits)
    let client: LedgerDaemon
    let provider: LedgerDaemon
    private let section: CreditSection
    private let quotes = QuoteBox()

    init(_ section: CreditSection = CreditSection()) throws {
        self.section = section
        time = NIOLockedValueBox<Int64>(KnownInvoice.made * 1000 + 1_000)
        places = [try TemporaryDirectory(), try TemporaryDirectory()]
        services = (ModelLNbits(), ModelLNbits())
        services.client.change { $0.fee = 7 }
        services.provider.change { $0.fee = 7 }
        // Both would give out the same ones.
        services.client.change { $0.coming.removeFirst(3) }
        client = try Self.open(places[0].path, services.client, time, section)
        provider = try Self.open(places[1].path, services.provider, time, section)
    }

    static func open(
        _ place: String, _ service: ModelLNbits, _ time: NIOLockedValueBox<Int64>, _ credit: CreditSection
    ) throws -> LedgerDaemon {
        var section = LedgerSection()
        (section.lightning.name, section.lightning.kind) = ("savings", "lnbits")
        section.lightning.url = "http://127.0.0.1:5000"
        section.credit = credit
        try LightningFixture.put(ModelLNbits.secret + "\n", at: place + "/lightning.key")
        let environment = DaemonEnvironment.ledger(section, in: place)
        return try LedgerDaemon(environment, keyed: service, clock: { time.withLockedValue { $0 } })
    }

    var keys: (client: PublicKey, provider: PublicKey) { (client.key.publicKey, provider.key.publicKey) }
    var now: Int64 { time.withLockedValue { $0 } }
    func wait(_ seconds: Int64) { time.withLockedValue { $0 += seconds * 1000 } }

    /// Both nodes look at their accounts a few times.
    func look(_ times: Int = 3) async {
        for _ in 0..<times {
            _ = await client.lightning?.pass()
            _ = await provider.lightning?.pass()
            wait(5)
        }
    }

    func funded() async throws {
        _ = try await client.ledger.perform(
            .deposit(Self.funds, Self.price.asset, from: "test"), id: "funds", at: now)
    }

    /// The provider's answer to a request to buy.
    func offered(_ amount: Int64) async throws -> CreditAnswer {
        try await provider.serveCredit(
            try client.askCredit(
                .init(provider: keys.provider, asset: Self.price.asset, amount: amount)))
    }

    func pay(_ answer: CreditAnswer) async throws -> LedgerInterface.Payment {
        try await client.payCredit(
            .init(
                provider: keys.provider, offer: try #require(answer.offer),
                invoice: try #require(answer.invoice)))
    }

    /// A client with money, who has bought what the provider's next invoice is for.
    func bought(_ name: String = "own-0") async throws {
        try await funded()
        try await buy(name)
    }

    func buy(_ name: String) async throws {
        let known = try KnownInvoice.named(name)
        _ = try await pay(try await offered(try #require(known.amount)))
        await look(1)
        services.provider.receive(known)
        await look(1)
    }

    func wallet(_ daemon: LedgerDaemon) async throws -> Int64 {
        try await daemon.ledger.balance(of: Operation.wallet, Self.price.asset)
    }

    func credit(_ daemon: LedgerDaemon) async throws -> LedgerInterface.Credit {
        try #require(try await daemon.shownCredits().credits.first)
    }

    /// The client's note for a job.
    func promise(_ job: Int, _ amount: Int64 = 20_000) async throws -> String {
        let terms = ChannelFixture.terms(job, amount, Self.price)
        return try await client.promise(
            .init(
                provider: keys.provider, payTo: nil, terms: terms,
                quote: try quotes.quote(keys.client, terms, by: provider))
        ).payment
    }

    /// The provider takes a job with it.
    func take(_ job: Int, _ payment: String?, _ ceiling: Int64 = 20_000, from: PublicKey? = nil) async throws
    {
        let terms = ChannelFixture.terms(job, ceiling, Self.price)
        _ = try await provider.take(
            TakenJob(terms, from ?? keys.client), payment: payment, ceiling: ceiling,
            quoted: .init(
                event: try quotes.quote(from ?? keys.client, terms, by: provider), payload: terms.payload,
                size: terms.size))
    }

    /// The receipt of a job, signed by the provider: it costs 300 and twenty for each token of the answer.
    func receipt(_ job: Int, tokens: Int64 = 12) async throws -> SignedEvent {
        try await provider.signReceipt(
            ReceiptBody(
                job: ChannelFixture.job(job), provider: keys.provider, client: keys.client,
                model: "smollm2-135m-instruct", modelRoot: Digest(hashing: "model"),
                image: "sha256:" + Digest(hashing: "image").hex, requestHash: Digest(hashing: "request"),
                resultHash: Digest(hashing: "answer"),
                usage: Usage(promptTokens: 30, completionTokens: tokens),
                timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300),
                finish: .stop, unitPrice: Self.price, price: 300 + 20 * tokens, finishedAt: now / 1000))
    }

    /// A job from the note to the accepted receipt.
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
