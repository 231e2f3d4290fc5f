// Two nodes' ledgers over two small LNDs on one network, with one clock: a client whose payments are held, and a provider.
// It must never stub what is tested: keys, SQLite, signatures and the rails are the real ones.

import DaemonKit
import GRDB
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

struct HeldFixture: Sendable {
    static let funds: Int64 = 20_000_000
    static let amount: Int64 = 2_000_000
    static let asset = CreditFixture.price.asset
    private let quotes = QuoteBox()
    let time: NIOLockedValueBox<Int64>
    let places: [TemporaryDirectory]
    let network: NIOLockedValueBox<ModelNetwork>
    let services: (client: ModelLND, provider: ModelLND)
    let client: LedgerDaemon
    let provider: LedgerDaemon

    init(_ section: CreditSection = CreditSection()) throws {
        time = NIOLockedValueBox<Int64>(KnownInvoice.made * 1000 + 1_000)
        places = [try TemporaryDirectory(), try TemporaryDirectory()]
        network = NIOLockedValueBox(ModelNetwork())
        services = (ModelLND(network), ModelLND(network))
        client = try Self.open(places[0].path, services.client, time, section)
        provider = try Self.open(places[1].path, services.provider, time, section)
    }

    /// The preimages that it draws are those of the known invoices, one after the other.
    static func open(
        _ place: String, _ service: ModelLND, _ time: NIOLockedValueBox<Int64>, _ credit: CreditSection
    ) throws -> LedgerDaemon {
        var section = LedgerSection()
        (section.lightning.name, section.lightning.kind) = ("own-lnd", "lnd")
        section.lightning.url = "http://127.0.0.1:8080"
        section.credit = credit
        try LightningFixture.put(ModelLND.macaroon + "\n", at: place + "/lightning.key")
        let environment = DaemonEnvironment.ledger(section, in: place)
        let drawn = NIOLockedValueBox(0)
        return try LedgerDaemon(
            environment, keyed: service,
            drawPreimage: {
                let number = drawn.withLockedValue { count in
                    count += 1
                    return count - 1
                }
                return (try? KnownInvoice.named("own-\(number)"))?.secret ?? []
            }, clock: { time.withLockedValue { $0 } })
    }

    var keys: (client: PublicKey, provider: PublicKey) { (client.key.publicKey, provider.key.publicKey) }
    var now: Int64 { time.withLockedValue { $0 } }
    func wait(_ seconds: Int64) { time.withLockedValue { $0 += seconds * 1000 } }

    func look(_ times: Int = 2) async {
        for _ in 0..<times {
            _ = await client.lightning?.pass()
            _ = await provider.lightning?.pass()
            wait(5)
        }
    }

    func funded() async throws {
        _ = try await client.ledger.perform(
            .deposit(Self.funds, Self.asset, from: "test"), id: "funds", at: now)
    }

    func ask(_ amount: Int64 = amount) async throws -> SignedEvent {
        try await client.askCredit(
            .init(provider: keys.provider, asset: Self.asset, amount: amount, held: true))
    }

    func pay(
        _ answer: CreditAnswer, _ held: Digest?
    ) async throws -> LedgerInterface.Payment {
        try await client.payCredit(
            .init(
                provider: keys.provider, offer: try #require(answer.offer),
                invoice: try #require(answer.invoice), held: held))
    }

    /// The hash of a request.
    func hash(_ request: SignedEvent) throws -> Digest {
        try #require(request.onlyTag("hash").flatMap { Digest(hex: $0) })
    }

    /// A client with money, whose payment is held.
    @discardableResult func held() async throws -> Digest {
        try await funded()
        return try await buy()
    }

    func buy(_ amount: Int64 = amount) async throws -> Digest {
        let request = try await ask(amount)
        _ = try await pay(try await provider.serveCredit(request), try hash(request))
        await look()
        return try hash(request)
    }

    func states(_ hash: Digest) async throws -> [String] {
        var states: [String] = []
        for daemon in [client, provider] {
            let held = try await daemon.shownCredits().held ?? []
            states.append(held.first { $0.hash == hash }?.state ?? "none")
        }
        return states
    }

    func network(_ hash: Digest) -> ModelNetwork.Held? {
        network.withLockedValue { $0.invoices[hash.hex] }
    }

    func wallet(_ daemon: LedgerDaemon) async throws -> Int64 {
        try await daemon.ledger.balance(of: Operation.wallet, Self.asset)
    }

    /// What is left in the common purse, as each side has it.
    func credit() async throws -> [Int64] {
        var balances: [Int64] = []
        for daemon in [client, provider] {
            balances.append(try await daemon.shownCredits().credits.first?.balance ?? 0)
        }
        return balances
    }

    func promise(_ job: Int, _ amount: Int64 = 20_000) async throws -> String {
        let terms = ChannelFixture.terms(job, amount, CreditFixture.price)
        return try await client.promise(
            .init(
                provider: keys.provider, payTo: nil, terms: terms,
                quote: try quotes.quote(keys.client, terms, by: provider))
        ).payment
    }

    func take(_ job: Int, _ payment: String?) async throws {
        let terms = ChannelFixture.terms(job, 20_000, CreditFixture.price)
        _ = try await provider.take(
            TakenJob(terms, keys.client), payment: payment, ceiling: 20_000,
            quoted: .init(
                event: try quotes.quote(keys.client, terms, by: provider), payload: terms.payload,
                size: terms.size))
    }

    /// The receipt of a job, signed by the provider: it costs 540.
    func receipt(_ job: Int) async throws -> SignedEvent {
        try await provider.signReceipt(
            ReceiptBody(
                job: ChannelFixture.job(job), provider: keys.provider, client: keys.client,
                model: "smollm2-135m-instruct", modelRoot: Digest(hashing: "model"),
                image: "sha256:" + Digest(hashing: "image").hex, requestHash: Digest(hashing: "request"),
                resultHash: Digest(hashing: "answer"),
                usage: Usage(promptTokens: 30, completionTokens: 12),
                timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300),
                finish: .stop, unitPrice: CreditFixture.price, price: 540, finishedAt: now / 1000))
    }

    /// A job from the note to the accepted receipt; what reveals.
    func run(_ job: Int) async throws -> SignedEvent? {
        try await take(job, try await promise(job))
        let receipt = try await receipt(job)
        let accepted = try await client.accept(receipt)
        _ = try await provider.record(ReceiptBundle(receipt: receipt, acceptance: accepted.acceptance))
        return accepted.reveal
    }

    func requireSound() async throws {
        for daemon in [client, provider] {
            #expect(try await daemon.ledger.audit().faults == [])
            // Whatever became of it, all postings sum to nothing.
            #expect(
                try await daemon.ledger.reading { db in
                    try Int64.fetchOne(db, sql: "SELECT coalesce(sum(amount), 0) FROM posting")
                } == 0)
        }
    }
}
