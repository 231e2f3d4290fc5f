// The intents about credit whose payment is held: drawing a hash, paying its invoice, making one for a client, and what a client
// reveals. It must never pay an invoice on another hash than the one that was drawn, nor take another's word for a preimage.

import Interfaces
import Lightning
import NodeConfig
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    /// 32 bytes that nobody can guess.
    static func randomBytes() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// The common purse with a node, or that of one purchase.
    func purse(_ side: PaymentChannel.Side, _ peer: PublicKey, _ asset: Asset, held: Digest?) -> Purse {
        held.map { .held(side, own: key.publicKey, peer: peer, asset: asset, hash: $0) }
            ?? .credit(side, own: key.publicKey, peer: peer, asset: asset)
    }

    /// A request for an invoice on a hash that is drawn here. The preimage is on disk before the hash leaves.
    func askHeld(_ request: LedgerInterface.AskCredit) async throws -> SignedEvent {
        let preimage = drawPreimage()
        let hash = Digest(hashing: preimage)
        let event = try signed(
            CreditRequest(
                client: key.publicKey, provider: request.provider, asset: request.asset,
                wish: .hold(request.amount, hash), createdAt: now))
        try await ledger.begin(
            HeldPurchase(
                hash: hash, preimage: preimage,
                purse: purse(.payer, request.provider, request.asset, held: hash), amount: request.amount,
                event: event, at: clock()))
        return event
    }

    /// Refuses to pay for anything but what was asked for: with what is held nothing is taken for nothing.
    func requireAsked(
        _ request: LedgerInterface.PayCredit, _ offer: CreditOffer, _ invoice: Invoice
    ) throws(WireError) {
        guard let held = request.held else {
            guard !offer.isHeld else {
                throw WireError(
                    .verificationFailed, "The provider offers what is held, which was not asked for.")
            }
            return
        }
        guard offer.isHeld, offer.hash == held else {
            throw WireError(
                .verificationFailed, "The provider's invoice is not on the hash that this node drew.",
                fix: "Nothing was paid. Ask another provider.")
        }
        guard invoice.minFinalCLTV <= HoldMachine.mostBlocks else {
            throw WireError(
                .policyRefused,
                "The invoice asks for \(invoice.minFinalCLTV) blocks, and could lock this node's money for as long.",
                fix: "Nothing was paid. Ask another provider.")
        }
    }

    /// An invoice on a client's hash. The same again is the same invoice, while it can be paid.
    func sellHeld(
        _ amount: Int64, _ hash: Digest, _ purse: Purse, _ rail: LightningRail
    ) async throws -> CreditAnswer {
        let own = self.purse(.payee, purse.peer, purse.asset, held: hash)
        if let known = try await ledger.hold(hash) {
            guard known.purse == own, known.amount == amount, known.state == .open,
                let text = known.invoice, let word = try await ledger.word(hash)
            else {
                throw WireError(
                    .conflict, "This hash was asked for before.", fix: "Draw another one: ask again.")
            }
            return CreditAnswer(offer: word, invoice: text)
        }
        guard amount >= credit.least else {
            throw WireError(.policyRefused, "This node makes no invoice for less than \(credit.least) msat.")
        }
        guard try await ledger.openOffers() < Self.mostOffers else {
            throw WireError(
                .tooManyRequests, "\(Self.mostOffers) invoices for clients are open.", retryAfterMs: 60_000)
        }
        try await rail.requireHolding()
        try await ledger.ask(
            hash, own, amount, backend: rail.account.name, most: credit.maxHeld, at: clock())
        // Should it come to nothing, it is given back after a minute.
        lightningBell.yield()
        let invoice = try await rail.newHoldInvoice(
            hash, amount: amount, seconds: min(Self.offerSeconds, rail.account.invoiceSeconds))
        let offer = CreditOffer(
            provider: key.publicKey, client: purse.peer, asset: purse.asset, amount: amount, hash: hash,
            isHeld: true, createdAt: now)
        let event = try key.sign(offer.template)
        try await ledger.open(.init(purse: own, offer: offer, event: event), invoice: invoice, at: clock())
        lightningBell.yield()
        return CreditAnswer(offer: event, invoice: invoice.text)
    }

    /// A client reveals: what is held may be taken.
    func takeReveal(
        _ hash: Digest, _ sealed: String, _ event: SignedEvent, by client: PublicKey
    ) async throws -> CreditAnswer {
        let preimage: [UInt8]?
        do {
            preimage = Hex.decode(
                try NIP44.decrypt(sealed, try NIP44.ConversationKey(key, with: client)), count: 32)
        } catch {
            throw WireError(.verificationFailed, "What was revealed does not decrypt.")
        }
        guard let preimage, Digest(hashing: preimage) == hash else {
            throw WireError(.verificationFailed, "What was revealed is not the preimage of \(hash.hex).")
        }
        let hold = try await ledger.reveal(hash, preimage, by: client, event, at: clock())
        lightningBell.yield()
        return CreditAnswer(
            state: hold.isRevealed && hold.state == .held ? "revealed" : hold.state.rawValue,
            reason: hold.reason)
    }
}
