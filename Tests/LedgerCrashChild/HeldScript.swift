// What the kill matrix of held credit does: one purchase is settled with an accepted answer, another goes back as none comes;
// both ledgers are in one process, which is killed at every boundary of either. It must never remember anything outside its folder.

import Lightning
import Logging
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr

@testable import LedgerCore

struct HeldScript: Sendable {
    static let price = CreditScript.price
    static let numbers = [[0, 1], [2, 3]]
    static func amount(_ number: Int) -> Int64 { 2_000_000 + 1_000 * Int64(number) }

    let keys: (client: SecretKey, provider: SecretKey)
    let ledgers: (client: Ledger, provider: Ledger)
    let rails: (client: LightningRail, provider: LightningRail)
    let folder: BackendFolder
    let time: NIOLockedValueBox<Int64>

    @Sendable static func run(
        _ directory: String, now: Int64, key: SecretKey, _ reach: @escaping @Sendable () -> Void
    ) async throws {
        guard let provider = SecretKey(bytes: CreditScript.provider) else { return }
        let script = try HeldScript(directory, now: now, keys: (key, provider), reach)
        if let hash = try await script.buy(numbers[0]) { try await script.settle(hash) }
        if let hash = try await script.buy(numbers[1]) { try await script.goBack(hash) }
    }

    private init(
        _ directory: String, now: Int64, keys: (client: SecretKey, provider: SecretKey),
        _ reach: @escaping @Sendable () -> Void
    ) throws {
        let time = NIOLockedValueBox(now)
        let folder = BackendFolder(path: directory)
        func side(_ name: String, _ key: SecretKey) throws -> (Ledger, LightningRail) {
            let ledger = try Ledger(path: "\(directory)/\(name)/\(Ledger.fileName)", key: key) { _ in reach()
            }
            let rail = LightningRail(
                try LightningScript.account(), backend: HoldingFolder(folder: folder, reach: reach),
                ledger: ledger, log: Logger(label: "child") { _ in SwiftLogNoOpLogHandler() },
                clock: { time.withLockedValue { $0 } })
            return (ledger, rail)
        }
        let (client, provider) = (try side("client", keys.client), try side("provider", keys.provider))
        (self.keys, self.folder, self.time) = (keys, folder, time)
        ledgers = (client.0, provider.0)
        rails = (client.1, provider.1)
    }

    private var asset: Asset { rails.client.account.asset }
    private var now: Int64 { time.withLockedValue { $0 } }
    private func purse(_ hash: Digest, _ side: PaymentChannel.Side) -> Purse {
        let (own, peer) =
            side == .payer
            ? (keys.client.publicKey, keys.provider.publicKey)
            : (keys.provider.publicKey, keys.client.publicKey)
        return .held(side, own: own, peer: peer, asset: asset, hash: hash)
    }

    /// Draws a hash, has an invoice made on it, pays it, and sees it held. A hash that came to nothing is left for the next.
    private func buy(_ numbers: [Int]) async throws -> Digest? {
        for number in numbers {
            let preimage = Hex.decode(folder.read("preimage-\(number)"), count: 32) ?? []
            let (hash, amount) = (Digest(hashing: preimage), Self.amount(number))
            try await begin(hash, preimage, amount)
            guard try await offer(hash, amount) else { continue }
            let (client, provider) = (ledgers.client, ledgers.provider)
            let paid = try await client.reading { db in try Ledger.lastTry(hash, db)?.state }
            if paid != .failed, paid != .settled, let held = try await provider.hold(hash),
                let text = held.invoice,
                let event = try await provider.word(hash), let offer = CreditOffer(event)
            {
                let (terms, invoice) = try rails.client.read(text, amount: nil)
                let rail = rails.client
                _ = try await client.buy(
                    .init(purse: purse(hash, .payer), offer: offer, event: event), most: 20_000_000, at: now
                ) { try rail.draft(terms, invoice, $0) }
            }
            await look()
            return hash
        }
        return nil
    }

    private func begin(_ hash: Digest, _ preimage: [UInt8], _ amount: Int64) async throws {
        let known = try await ledgers.client.reading { db in try Ledger.purchase(hash, db) }
        if known != nil { return }
        let request = CreditRequest(
            client: keys.client.publicKey, provider: keys.provider.publicKey, asset: asset,
            wish: .hold(amount, hash), createdAt: now / 1000)
        try await ledgers.client.begin(
            HeldPurchase(
                hash: hash, preimage: preimage, purse: purse(hash, .payer), amount: amount,
                event: try keys.client.sign(request.template), at: now))
    }

    /// - Returns: whether there is an invoice.
    private func offer(_ hash: Digest, _ amount: Int64) async throws -> Bool {
        let provider = ledgers.provider
        if let known = try await provider.hold(hash) { return known.invoice != nil }
        let purse = purse(hash, .payee)
        try await provider.ask(hash, purse, amount, backend: "savings", most: .max, at: now)
        let invoice = try await rails.provider.newHoldInvoice(hash, amount: amount, seconds: 600)
        let offer = CreditOffer(
            provider: keys.provider.publicKey, client: keys.client.publicKey, asset: asset, amount: amount,
            hash: hash, isHeld: true, createdAt: now / 1000)
        try await provider.open(
            .init(purse: purse, offer: offer, event: try keys.provider.sign(offer.template)),
            invoice: invoice, at: now)
        return true
    }

    private func look() async {
        for _ in 0..<2 { for rail in [rails.client, rails.provider] { _ = await rail.pass() } }
    }

    /// - Returns: whether the receipt is signed.
    private func work(_ number: Int, _ hash: Digest) async throws -> Bool {
        let (job, key, purse) = (CreditScript.job(number), keys.client, purse(hash, .payer))
        let isOver = try await ledgers.client.reading { db in
            try Ledger.pledge(job, purse.id, db)?.isOver ?? false
        }
        if isOver { return false }
        let quote = try quote(number)
        let note = CreditNote(
            client: key.publicKey, provider: keys.provider.publicKey, job: job, asset: asset,
            ceiling: quote.quote.ceiling, createdAt: now / 1000)
        let event = try await ledgers.client.draw(
            .init(
                job: job,
                purse: .credit(
                    .payer, own: key.publicKey, peer: keys.provider.publicKey, asset: asset),
                amount: quote.quote.ceiling,
                limit: SpendingLimit(perJob: .max, perDay: .max, perPeer: .max), quote: quote), at: now
        ) { held in
            var note = note
            note.held = held
            return try key.sign(note.template)
        }
        let (body, terms) = (CreditScript.receipt(number, keys, asset), quote.quote.terms)
        var taken = TakenJob(
            job: job, client: key.publicKey, modelRoot: terms.modelRoot, unitPrice: terms.unitPrice,
            maxTokens: terms.maxTokens)
        taken.quote = Digest(hex: quote.event.id)
        _ = try await ledgers.provider.take(
            taken,
            drawn: .init(purse: self.purse(hash, .payee), amount: quote.quote.ceiling, note: event),
            quote: quote, at: now)
        let (template, provider) = (try body.template(quote: Digest(hex: quote.event.id)), keys.provider)
        _ = try await ledgers.provider.perform(
            operation(.issue, body), body: body, receiptID: Hex.encode(template.computedID()), at: now
        ) { (try provider.sign(template), nil) }
        return true
    }

    /// The provider's quote: 624 bytes of base64, and as many tokens as cost what is promised; the second is more than is left of
    /// the first purchase, so that it is under what is held. As old in every run.
    private func quote(_ number: Int) throws -> KeptQuote {
        let made = LightningScript.made / 1000
        let quote = Quote(
            provider: keys.provider.publicKey, client: keys.client.publicKey,
            terms: QuoteTerms(
                job: CreditScript.job(number), modelRoot: Digest(hashing: "model"),
                payload: Digest(hashing: "payload"), size: 624,
                unitPrice: UnitPrice(asset: asset, prompt: 10, completion: 20),
                maxTokens: number == 1 ? 510 : 99_585),
            rails: [.credit], createdAt: made, expiresAt: made + Quote.longestLife)
        return KeptQuote(quote: quote, event: try keys.provider.sign(quote.template))
    }

    private func operation(_ kind: LedgerCore.Operation.Kind, _ body: ReceiptBody) -> LedgerCore.Operation {
        LedgerCore.Operation(kind: kind, job: body.job, client: body.client, provider: body.provider)
    }

    /// The answer is accepted: the preimage is revealed, and what is held is taken.
    private func settle(_ hash: Digest) async throws {
        let body = CreditScript.receipt(1, keys, asset)
        let (client, provider) = (keys.client, keys.provider)
        if try await work(1, hash) {
            let template = try body.template(quote: Digest(hex: try quote(1).event.id))
            let receipt = try await ledgers.provider.perform(
                operation(.issue, body), body: body, receiptID: Hex.encode(template.computedID()), at: now
            ) { (try provider.sign(template), nil) }.receipt
            let acceptance = try client.sign(
                Acceptance.template(receipt: receipt, body: body, acceptedAt: body.finishedAt))
            _ = try await ledgers.client.perform(
                operation(.spend, body), body: body, receiptID: receipt.id, at: now
            ) { (receipt, acceptance) }
        }
        if let event = try await ledgers.client.reveal(of: body.job, provider: provider.publicKey),
            let request = CreditRequest(event), case .reveal(hash, let sealed) = request.wish
        {
            let key = try NIP44.ConversationKey(provider, with: client.publicKey)
            let preimage = Hex.decode(try NIP44.decrypt(sealed, key), count: 32) ?? []
            _ = try await ledgers.provider.reveal(hash, preimage, by: client.publicKey, event, at: now)
        }
        await look()
    }

    /// The answer is not accepted: nothing is revealed, and what is held goes back when its time is over.
    private func goBack(_ hash: Digest) async throws {
        _ = try await work(2, hash)
        try await ledgers.client.release(
            CreditScript.job(2), peer: keys.provider.publicKey, .payer, at: now)
        time.withLockedValue { $0 += 1_000_000 }
        await look()
        time.withLockedValue { $0 += 40_000 }
        await look()
    }
}

/// A network that holds what is paid to hashes, in files of one folder, which both nodes see.
struct HoldingFolder: LightningBackend {
    let refusesTwice = true
    let paysAnyAmount = true
    let invoiceStep: Int64 = 1
    let folder: BackendFolder
    let reach: @Sendable () -> Void

    private func has(_ name: String, _ hash: Digest) -> Bool { !folder.read("\(name)-\(hash.hex)").isEmpty }

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        reach()
        let hash = try Invoice(invoice).paymentHash
        // It refuses to pay a hash twice, and lets nobody pay what was given back.
        folder.append("asked\n", to: "asked-\(hash.hex)")
        if !has("paid", hash), !has("cancelled", hash) { folder.append("paid\n", to: "paid-\(hash.hex)") }
        reach()
        return nil
    }

    func payment(_ hash: Digest) async throws -> LightningClaim {
        reach()
        guard has("paid", hash) else { return .unknown }
        if has("settled", hash) {
            return .paid(
                preimage: Hex.decode(folder.read("settled-\(hash.hex)")), fee: LightningScript.fee)
        }
        return has("cancelled", hash) ? .failed("given back") : .pending
    }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String { "" }

    func requireHolding() async throws {}

    func makeHoldInvoice(
        _ hash: Digest, amount: Int64, seconds: Int64, blocks: Int64
    ) async throws -> String {
        reach()
        guard !has("made", hash) else { throw LightningTrouble.refused("it is there") }
        folder.append("made\n", to: "made-\(hash.hex)")
        reach()
        return folder.read("invoice-\(hash.hex)")
    }

    func invoice(_ hash: Digest) async throws -> LightningClaim {
        reach()
        guard has("made", hash) else { return .unknown }
        if has("settled", hash) {
            return .paid(preimage: Hex.decode(folder.read("settled-\(hash.hex)")), fee: nil)
        }
        if has("cancelled", hash) { return .failed("given back") }
        return has("paid", hash) ? .held(until: nil) : .pending
    }

    func settle(_ preimage: [UInt8]) async throws {
        reach()
        let hash = Digest(hashing: preimage)
        guard has("paid", hash), !has("cancelled", hash) else {
            throw LightningTrouble.refused("nothing is held")
        }
        if !has("settled", hash) { folder.append(Hex.encode(preimage), to: "settled-\(hash.hex)") }
        reach()
    }

    func cancel(_ hash: Digest) async throws {
        reach()
        guard !has("settled", hash) else { throw LightningTrouble.refused("it is taken") }
        if !has("cancelled", hash) { folder.append("cancelled\n", to: "cancelled-\(hash.hex)") }
        reach()
    }

    func standing() async throws -> String { "heard" }
}
