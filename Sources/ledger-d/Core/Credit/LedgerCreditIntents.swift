// The intents about credit: buying it, having it back, drawing on it for a job; and a provider's side of each.
// It must never answer for a client who did not sign, nor draw more for a job than the client signed.

import DaemonKit
import Interfaces
import Lightning
import NodeConfig
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    /// How many invoices for clients may be open at once, and how long they live, in seconds.
    static let mostOffers = 100
    static let offerSeconds: Int64 = 600

    /// A request to a provider for an invoice that buys credit.
    func askCredit(_ request: LedgerInterface.AskCredit) async throws -> SignedEvent {
        try requireStaying()
        let rail = try requireLightning(request.asset)
        try requireOther(request.provider)
        guard (1...Deed.largestAmount / 4).contains(request.amount),
            request.amount.isMultiple(of: rail.backend.invoiceStep)
        else {
            throw WireError(
                .invalidParams, "'amount' must be positive, and whole \(rail.backend.invoiceStep) msat.")
        }
        if request.held == true { return try await askHeld(request) }
        return try signed(
            CreditRequest(
                client: key.publicKey, provider: request.provider, asset: request.asset,
                wish: .buy(request.amount), createdAt: now))
    }

    /// Pays what a provider answered.
    func payCredit(_ request: LedgerInterface.PayCredit) async throws -> LedgerInterface.Payment {
        try requireStaying()
        guard let offer = CreditOffer(request.offer), offer.provider == request.provider,
            offer.client == key.publicKey
        else { throw WireError(.verificationFailed, "The provider did not sign this offer for this node.") }
        let rail = try requireLightning(offer.asset)
        let (terms, invoice) = try rail.read(request.invoice, amount: nil)
        guard invoice.paymentHash == offer.hash, terms.amount == offer.amount else {
            throw WireError(.verificationFailed, "The invoice is not the one that the provider signed for.")
        }
        try requireAsked(request, offer, invoice)
        let bought = Ledger.OfferedCredit(
            purse: purse(.payer, offer.provider, offer.asset, held: request.held),
            offer: offer, event: request.offer)
        let payment = try await ledger.buy(bought, most: credit.maxPrepaid, at: clock()) {
            try rail.draft(terms, invoice, $0)
        }
        lightningBell.yield()
        return await shown(payment)
    }

    /// A request to a provider to pay an invoice of this node's out of its credit there.
    func withdrawCredit(_ request: LedgerInterface.WithdrawCredit) async throws -> SignedEvent {
        try requireStaying()
        let rail = try requireLightning(nil)
        try requireOther(request.provider)
        let purse = Purse.credit(
            .payer, own: key.publicKey, peer: request.provider, asset: rail.account.asset)
        if let open = try await ledger.openReturn(purse) { return open }
        let left = try await ledger.balance(of: purse.account, purse.asset)
        let whole = request.amount ?? left
        guard whole > 0, whole <= left else {
            throw WireError(
                .policyRefused,
                "\(left) msat of this node's credit with that provider can come back, not \(whole).",
                fix: "See 'infernetctl wallet credit'.")
        }
        let amount = rail.account.net(of: whole, step: rail.backend.invoiceStep)
        guard amount > 0 else {
            throw WireError(
                .policyRefused, "\(whole) msat are less than what the way back may cost.",
                fix: "Lower ledger.lightning.max_fee_base, or spend it on jobs.")
        }
        let fee = rail.account.feeCeiling(amount)
        let invoice = try await rail.newInvoice(
            amount: amount, memo: "", seconds: rail.account.invoiceSeconds)
        let event = try signed(
            CreditRequest(
                client: key.publicKey, provider: request.provider, asset: purse.asset,
                wish: .back(amount, fee: fee, invoice: invoice.text), createdAt: now))
        try await ledger.askBack(
            .init(purse: purse, hash: invoice.hash, amount: amount, fee: fee, event: event),
            invoice: invoice, at: clock())
        lightningBell.yield()
        return event
    }

    /// Answers a client.
    func serveCredit(_ event: SignedEvent) async throws -> CreditAnswer {
        try requireStaying()
        guard let request = CreditRequest(event), request.provider == key.publicKey else {
            throw WireError(
                .verificationFailed, "The request about credit does not hold, or is another node's.")
        }
        guard request.isCurrent(unixNow: now) else {
            throw WireError(.policyRefused, "The request is too old, or of a clock that is ahead.")
        }
        let rail = try requireLightning(request.asset)
        let purse = Purse.credit(.payee, own: key.publicKey, peer: request.client, asset: request.asset)
        switch request.wish {
        case .buy(let amount): return try await sell(amount, purse, rail)
        case .hold(let amount, let hash): return try await sellHeld(amount, hash, purse, rail)
        case .reveal(let hash, let sealed):
            return try await takeReveal(hash, sealed, event, by: request.client)
        case .back(let amount, let fee, let text):
            let (asked, invoice) = try rail.read(text, amount: nil)
            guard asked.amount == amount, fee <= Deed.largestAmount / 4 else {
                throw WireError(.verificationFailed, "The invoice is for another amount than the request.")
            }
            let terms = asked.paid(outOf: purse.account, feeCeiling: fee)
            let payment = try await ledger.payBack(
                .init(purse: purse, hash: invoice.paymentHash, amount: amount, fee: fee, event: event),
                at: clock()
            ) { try rail.draft(terms, invoice, $0) }
            lightningBell.yield()
            return CreditAnswer(state: payment.state.rawValue, reason: payment.reason)
        }
    }

    /// An invoice for a client, with this node's word on it. While one for the same is open, it is that one.
    private func sell(_ amount: Int64, _ purse: Purse, _ rail: LightningRail) async throws -> CreditAnswer {
        // Half of its life is left to pay it in.
        let since = clock() - Self.offerSeconds * 500
        if let open = try await ledger.openOffer(purse, amount: amount, since: since) {
            return CreditAnswer(offer: open.event, invoice: open.invoice)
        }
        guard amount >= credit.least else {
            throw WireError(.policyRefused, "This node makes no invoice for less than \(credit.least) msat.")
        }
        guard try await ledger.openOffers() < Self.mostOffers else {
            throw WireError(
                .tooManyRequests, "\(Self.mostOffers) invoices for clients are open.", retryAfterMs: 60_000)
        }
        try await ledger.requireRoom(amount, purse, most: credit.maxHeld)
        let seconds = min(Self.offerSeconds, rail.account.invoiceSeconds)
        let invoice = try await rail.newInvoice(amount: amount, memo: "", seconds: seconds)
        let offer = CreditOffer(
            provider: key.publicKey, client: purse.peer, asset: purse.asset, amount: amount,
            hash: invoice.hash, createdAt: now)
        let event = try key.sign(offer.template)
        try await ledger.offer(
            .init(purse: purse, offer: offer, event: event), invoice: invoice, most: credit.maxHeld,
            at: clock())
        lightningBell.yield()
        return CreditAnswer(offer: event, invoice: invoice.text)
    }

    /// A note for a job that goes to a provider who is paid on Lightning.
    func draw(
        _ request: LedgerInterface.PromisePrice, _ quote: KeptQuote
    ) async throws -> LedgerInterface.PromisePrice.Reply {
        _ = try requireLightning(request.asset)
        try requireOther(request.provider)
        let note = CreditNote(
            client: key.publicKey, provider: request.provider, job: request.job, asset: request.asset,
            ceiling: request.amount, createdAt: now)
        let key = key
        let event: SignedEvent
        do {
            event = try await ledger.draw(
                .init(
                    job: request.job,
                    purse: purse(.payer, request.provider, request.asset, held: nil),
                    amount: request.amount, limit: limit, quote: quote, process: request.process), at: clock()
            ) { held in
                var note = note
                note.held = held
                return try key.sign(note.template)
            }
        } catch {
            // It may be refused because nobody has looked yet.
            lightningBell.yield()
            throw error
        }
        return LedgerInterface.PromisePrice.Reply(
            payment: String(decoding: try CanonicalJSON.encode(event), as: UTF8.self))
    }

    /// What a client's note draws for its job; nil for a job that is not paid on Lightning.
    func drawn(
        _ job: TakenJob, _ payment: String?, ceiling: Int64?, process: Digest?
    ) throws -> Ledger.DrawnCredit? {
        let asset = job.unitPrice.asset
        guard asset.isLightning else { return nil }
        _ = try requireLightning(asset)
        guard let ceiling, ceiling > 0, ceiling <= Deed.largestAmount else {
            throw WireError(.invalidParams, "'ceiling' must be the most that the job may cost.")
        }
        guard let payment else {
            throw WireError(
                .paymentRequired,
                "A payment is required: this job costs money, and no note on credit came with it.")
        }
        guard let note = CreditNote(text: payment), note.client == job.client,
            note.provider == key.publicKey, note.job == job.job, note.asset == asset, note.ceiling >= ceiling
        else {
            throw WireError(
                .paymentRequired,
                "A payment is required: the note is not this client's for this job, or too low.")
        }
        return Ledger.DrawnCredit(
            purse: purse(.payee, job.client, asset, held: note.held), amount: ceiling,
            note: try CanonicalJSON.decode(SignedEvent.self, from: Array(payment.utf8)),
            within: credit.holdSeconds * 500, process: process)
    }

    func shownCredits() async throws -> LedgerInterface.Credits.Reply {
        LedgerInterface.Credits.Reply(
            credits: try await ledger.credits().map { standing in
                LedgerInterface.Credit(
                    id: standing.purse.id.hex, isPayee: standing.purse.side == .payee,
                    peer: standing.purse.peer, asset: standing.purse.asset, balance: standing.balance,
                    charged: standing.charged, open: standing.open, returning: standing.returning,
                    at: standing.at)
            }, held: try await ledger.heldCredits(at: clock()))
    }

    /// Whoever reads the event must find this request in it, and no other.
    func signed(_ request: CreditRequest) throws -> SignedEvent {
        guard CreditRequest(unproven: SignedEvent(request.template, signature: [])) == request else {
            throw WireError(
                .policyRefused, "ledger-d does not sign this: it cannot be read back as it was written.")
        }
        return try key.sign(request.template)
    }

    func requireOther(_ provider: PublicKey) throws(WireError) {
        guard provider != key.publicKey, Schnorr.isValidPublicKey(provider.bytes) else {
            throw WireError(.invalidParams, "Credit is between two nodes.")
        }
    }

    /// The account on Lightning, when it is in this asset.
    private func requireLightning(_ asset: Asset?) throws(WireError) -> LightningRail {
        guard let lightning, asset.map({ $0 == lightning.account.asset }) ?? true else {
            throw WireError(
                .policyRefused,
                "This node has no account on Lightning\(asset.map { " in \($0.rawValue.prefix(160))" } ?? "").",
                fix: "Name one under ledger.lightning in infernet.yaml.")
        }
        return lightning
    }
}
