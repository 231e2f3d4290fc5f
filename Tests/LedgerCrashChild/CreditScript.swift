// What the kill matrix of credit does: a client buys some with a provider, draws on it for two jobs, of which one comes to
// nothing, and has a part of it back; both ledgers are in one process, which is killed at every boundary of either.
// It must never remember anything outside its folder.

import Logging
import NodeConfig
import NodeModel
import Nostr

@testable import LedgerCore

struct CreditScript: Sendable {
    static let provider = [UInt8](repeating: 12, count: 32)
    static let bought: Int64 = 2_000_000
    static let back: Int64 = 1_000_000
    static let wayBack: Int64 = 20_000
    static let price: Int64 = 540

    let keys: (client: SecretKey, provider: SecretKey)
    let ledgers: (client: Ledger, provider: Ledger)
    let rails: (client: LightningRail, provider: LightningRail)
    let now: Int64

    @Sendable static func run(
        _ directory: String, now: Int64, key: SecretKey, _ reach: @escaping @Sendable () -> Void
    ) async throws {
        guard let provider = SecretKey(bytes: provider) else { return }
        let script = try CreditScript(directory, now: now, keys: (key, provider), reach)
        try await script.buy()
        for job in 1...2 { try await script.draw(job) }
        try await script.settle()
        for (ledger, peer, side) in [
            (script.ledgers.client, provider.publicKey, PaymentChannel.Side.payer),
            (script.ledgers.provider, key.publicKey, .payee),
        ] { try await ledger.release(job(2), peer: peer, side, at: now) }
        try await script.giveBack()
    }

    private init(
        _ directory: String, now: Int64, keys: (client: SecretKey, provider: SecretKey),
        _ reach: @escaping @Sendable () -> Void
    ) throws {
        self.now = now
        self.keys = keys
        let folders = (
            BackendFolder(path: directory + "/client"), BackendFolder(path: directory + "/provider")
        )
        func side(_ own: BackendFolder, _ other: BackendFolder, _ key: SecretKey) throws -> (
            Ledger, LightningRail
        ) {
            let ledger = try Ledger(path: own.path + "/" + Ledger.fileName, key: key) { _ in reach() }
            let rail = LightningRail(
                try LightningScript.account(),
                backend: FolderBackend(folder: own, payer: other, reach: reach), ledger: ledger,
                log: Logger(label: "child") { _ in SwiftLogNoOpLogHandler() }, clock: { now })
            return (ledger, rail)
        }
        let (client, provider) = (
            try side(folders.0, folders.1, keys.client), try side(folders.1, folders.0, keys.provider)
        )
        ledgers = (client.0, provider.0)
        rails = (client.1, provider.1)
    }

    private var asset: Asset { rails.client.account.asset }
    private var purses: (client: Purse, provider: Purse) {
        (
            .credit(.payer, own: keys.client.publicKey, peer: keys.provider.publicKey, asset: asset),
            .credit(.payee, own: keys.provider.publicKey, peer: keys.client.publicKey, asset: asset)
        )
    }

    /// The provider's invoice, signed for, paid, and booked by both.
    private func buy() async throws {
        let purses = purses
        let known = try await ledgers.provider.invoices(limit: 1).first
        if known == nil {
            let invoice = try await rails.provider.newInvoice(amount: Self.bought, memo: "", seconds: 600)
            let offer = CreditOffer(
                provider: keys.provider.publicKey, client: keys.client.publicKey, asset: asset,
                amount: Self.bought, hash: invoice.hash, createdAt: now / 1000)
            try await ledgers.provider.offer(
                .init(purse: purses.provider, offer: offer, event: try keys.provider.sign(offer.template)),
                invoice: invoice, most: .max, at: now)
        }
        guard let own = try await ledgers.provider.invoices(limit: 1).first,
            let stored = try await ledgers.provider.reading({ db in try Ledger.offer(own.hash, db) }),
            let offer = CreditOffer(stored.event)
        else { return }
        let (terms, invoice) = try rails.client.read(own.text, amount: nil)
        let rail = rails.client
        _ = try await ledgers.client.buy(
            .init(purse: purses.client, offer: offer, event: stored.event), most: 20_000_000, at: now
        ) { try rail.draft(terms, invoice, $0) }
        for rail in [rails.client, rails.provider] { for _ in 0..<2 { _ = await rail.pass() } }
    }

    private func draw(_ number: Int) async throws {
        let (purses, job, key) = (purses, Self.job(number), keys.client)
        // What is over is not promised again.
        let isOver = try await ledgers.client.reading { db in
            try Ledger.pledge(job, purses.client.id, db)?.isOver ?? false
        }
        if isOver { return }
        let quote = try quote(number)
        let note = CreditNote(
            client: key.publicKey, provider: keys.provider.publicKey, job: job, asset: asset, ceiling: 20_000,
            createdAt: now / 1000)
        let event = try await ledgers.client.draw(
            .init(
                job: job, purse: purses.client, amount: 20_000,
                limit: SpendingLimit(perJob: .max, perDay: .max, perPeer: .max), quote: quote), at: now
        ) { _ in try key.sign(note.template) }
        let terms = quote.quote.terms
        var taken = TakenJob(
            job: job, client: key.publicKey, modelRoot: terms.modelRoot, unitPrice: terms.unitPrice,
            maxTokens: terms.maxTokens)
        taken.quote = Digest(hex: quote.event.id)
        _ = try await ledgers.provider.take(
            taken, drawn: .init(purse: purses.provider, amount: 20_000, note: event), quote: quote, at: now)
    }

    /// The provider's quote: 624 bytes of base64 and 510 tokens cost what is promised. As old in every run.
    private func quote(_ number: Int) throws -> KeptQuote {
        let made = LightningScript.made / 1000
        let quote = Quote(
            provider: keys.provider.publicKey, client: keys.client.publicKey,
            terms: QuoteTerms(
                job: Self.job(number), modelRoot: Digest(hashing: "model"),
                payload: Digest(hashing: "payload"), size: 624,
                unitPrice: UnitPrice(asset: asset, prompt: 10, completion: 20), maxTokens: 510),
            rails: [.credit], createdAt: made, expiresAt: made + Quote.longestLife)
        return KeptQuote(quote: quote, event: try keys.provider.sign(quote.template))
    }

    /// The first job's receipt: signed, accepted, and earned by.
    private func settle() async throws {
        let (client, provider, body) = (keys.client, keys.provider, Self.receipt(1, keys, asset))
        let template = try body.template(quote: Digest(hex: try quote(1).event.id))
        func operation(_ kind: LedgerCore.Operation.Kind) -> LedgerCore.Operation {
            LedgerCore.Operation(
                kind: kind, job: body.job, client: client.publicKey, provider: provider.publicKey)
        }
        let receipt = try await ledgers.provider.perform(
            operation(.issue), body: body, receiptID: Hex.encode(template.computedID()), at: now
        ) { (try provider.sign(template), nil) }.receipt
        let acceptance = try client.sign(
            Acceptance.template(receipt: receipt, body: body, acceptedAt: body.finishedAt))
        for (ledger, kind) in [
            (ledgers.client, LedgerCore.Operation.Kind.spend), (ledgers.provider, .earn),
        ] {
            _ = try await ledger.perform(operation(kind), body: body, receiptID: receipt.id, at: now) {
                (receipt, acceptance)
            }
        }
    }

    /// The client's invoice, paid out of its credit.
    private func giveBack() async throws {
        let purses = purses
        if try await ledgers.client.invoices(limit: 1).isEmpty {
            let invoice = try await rails.client.newInvoice(amount: Self.back, memo: "", seconds: 600)
            let request = CreditRequest(
                client: keys.client.publicKey, provider: keys.provider.publicKey, asset: asset,
                wish: .back(Self.back, fee: Self.wayBack, invoice: invoice.text), createdAt: now / 1000)
            try await ledgers.client.askBack(
                .init(
                    purse: purses.client, hash: invoice.hash, amount: Self.back, fee: Self.wayBack,
                    event: try keys.client.sign(request.template)), invoice: invoice, at: now)
        }
        guard let own = try await ledgers.client.invoices(limit: 1).first,
            let asked = try await ledgers.client.reading({ db in try Ledger.creditReturn(own.hash, db) })
        else { return }
        let (terms, invoice) = try rails.provider.read(own.text, amount: nil)
        let (rail, paid) = (
            rails.provider, terms.paid(outOf: purses.provider.account, feeCeiling: Self.wayBack)
        )
        _ = try await ledgers.provider.payBack(
            .init(
                purse: purses.provider, hash: own.hash, amount: Self.back, fee: Self.wayBack,
                event: asked.event), at: now
        ) { try rail.draft(paid, invoice, $0) }
        for rail in [rails.provider, rails.client] { for _ in 0..<2 { _ = await rail.pass() } }
    }

    static func job(_ number: Int) -> JobID {
        var bytes = [UInt8](repeating: 7, count: 16)
        bytes[15] = UInt8(number)
        var random = SystemRandomNumberGenerator()
        return JobID("job_" + Hex.encode(bytes)) ?? JobID(milliseconds: 0, random: &random)
    }

    /// What a job that was done is receipted for.
    static func receipt(_ job: Int, _ keys: (client: SecretKey, provider: SecretKey), _ asset: Asset)
        -> ReceiptBody
    {
        ReceiptBody(
            job: Self.job(job), provider: keys.provider.publicKey, client: keys.client.publicKey,
            model: "model", modelRoot: Digest(hashing: "model"),
            image: "sha256:" + Digest(hashing: "image").hex, requestHash: Digest(hashing: "request"),
            resultHash: Digest(hashing: "answer"), usage: Usage(promptTokens: 30, completionTokens: 12),
            timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300), finish: .stop,
            unitPrice: UnitPrice(asset: asset, prompt: 10, completion: 20), price: price,
            finishedAt: LightningScript.made / 1000)
    }
}
