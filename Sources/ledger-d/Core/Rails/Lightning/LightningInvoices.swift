// What comes in on Lightning: invoices that the backend makes for this node, booked when their preimage is shown, once.
// It must never book on the word "paid" alone, nor another amount than the invoice's own.

import Lightning
import NodeModel
import Wire

extension LightningRail {
    /// How many invoices may wait to be paid at once, and how many of them one look asks about.
    static let mostOpen = 200
    static let mostAsked = 10
    /// How long after its end an invoice is still asked about, in seconds: a payment may be on its way then.
    static let patience: Int64 = 600
    static let longestMemo = 500

    /// Has an invoice made. It is on disk when this returns.
    ///
    /// - Parameter amount: in millisatoshis.
    nonisolated func makeInvoice(amount: Int64, memo: String) async throws -> OwnInvoice {
        // Those for clients are counted by themselves: strangers take no place of this node's own.
        let offers = try await ledger.openOffers()
        guard try await ledger.openInvoices(account.name).count - offers < Self.mostOpen else {
            throw WireError(
                .policyRefused, "\(Self.mostOpen) invoices wait to be paid.",
                fix: "Wait until some of them are paid or have run out.")
        }
        let own = try await newInvoice(amount: amount, memo: memo, seconds: account.invoiceSeconds)
        try await ledger.keep(own)
        return own
    }

    /// Has an invoice made, which is not on disk yet.
    nonisolated func newInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> OwnInvoice {
        try require(amount)
        guard memo.utf8.count <= Self.longestMemo, memo.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            throw WireError(
                .invalidParams, "'memo' has at most \(Self.longestMemo) bytes, and no control characters.")
        }
        do {
            let text = try await backend.makeInvoice(amount: amount, memo: memo, seconds: seconds)
            return try read(text, amount: amount, memo: memo)
        } catch let trouble as LightningTrouble { throw await refusal(trouble) }
    }

    /// Has an invoice made on a hash whose preimage its payer has; it is not on disk yet.
    nonisolated func newHoldInvoice(_ hash: Digest, amount: Int64, seconds: Int64) async throws -> OwnInvoice
    {
        try require(amount)
        do {
            let text = try await backend.makeHoldInvoice(
                hash, amount: amount, seconds: seconds, blocks: HoldMachine.blocks)
            let own = try read(text, amount: amount, memo: "")
            guard own.hash == hash else {
                throw LightningTrouble.contradiction("the backend made an invoice on another hash")
            }
            return own
        } catch let trouble as LightningTrouble { throw await refusal(trouble) }
    }

    /// Refuses when the backend holds no payments.
    nonisolated func requireHolding() async throws {
        do { try await backend.requireHolding() } catch let trouble as LightningTrouble {
            throw await refusal(trouble)
        }
    }

    private nonisolated func require(_ amount: Int64) throws {
        guard (1...Deed.largestAmount).contains(amount), amount.isMultiple(of: backend.invoiceStep) else {
            throw WireError(
                .invalidParams,
                "'amount' must be positive, and whole \(backend.invoiceStep) msat for this backend, not \(amount)."
            )
        }
    }

    private nonisolated func refusal(_ trouble: LightningTrouble) async -> WireError {
        if case .cannotHold(let why) = trouble {
            return WireError(
                .policyRefused, "This node's account on Lightning holds no payments: \(why).",
                fix:
                    "Ask for credit that is paid ahead, without '--held'; LND and wallets by NIP-47 can hold."
            )
        }
        await tell(false, trouble.description)
        return WireError(
            .unavailable, "No invoice could be made.",
            fix: "See 'infernetctl wallet accounts'; ask again.",
            retryAfterMs: 3_000, cause: trouble.description)
    }

    /// What a payer will pay is what was asked for, whatever the backend calls it.
    private nonisolated func read(_ text: String, amount: Int64, memo: String) throws -> OwnInvoice {
        let invoice: Invoice
        do { invoice = try Invoice(text) } catch { throw LightningTrouble.unreadable("\(error)") }
        let now = clock()
        guard invoice.network == account.network, invoice.amount == UInt64(clamping: amount),
            !invoice.isExpired(now: UInt64(clamping: now / 1000)),
            memo.isEmpty || invoice.purpose == .text(memo)
        else {
            throw LightningTrouble.contradiction("the backend made another invoice than it was asked for")
        }
        // Whoever carries the answer could put an invoice of his own in its place.
        if let payee = account.payee, invoice.payee != payee {
            throw LightningTrouble.contradiction("the invoice is not signed by ledger.lightning.payee")
        }
        return OwnInvoice(
            hash: invoice.paymentHash, backend: account.name, rail: account.rail, asset: account.asset,
            amount: amount, text: LightningTerms.bare(text), at: now, state: .open)
    }

    /// Asks about some of the open invoices, another time about the others.
    func collect(_ open: [OwnInvoice]) async throws {
        guard !open.isEmpty else { return }
        let first = turn % open.count
        let chosen = (open[first...] + open[..<first]).prefix(Self.mostAsked)
        turn = first + chosen.count
        for invoice in chosen {
            do {
                try await collect(invoice)
                tell(true, "heard")
            } catch let trouble as LightningTrouble where !trouble.endsTheLook {
                tell(false, trouble.description)
            }
        }
    }

    private func collect(_ invoice: OwnInvoice) async throws {
        let claim = try await backend.invoice(invoice.hash)
        let now = clock()
        switch claim {
        case .paid(let preimage, _):
            guard let preimage, Digest(hashing: preimage) == invoice.hash else {
                throw LightningTrouble.contradiction(
                    "the backend says that an invoice is paid, and shows nothing that proves it")
            }
            if try await ledger.credit(invoice, preimage: preimage, at: now) { booked(invoice) }
        case .pending, .held: return
        case .failed, .unknown:
            let read: Invoice
            do { read = try Invoice(invoice.text) } catch { return }
            if now / 1000 >= Int64(clamping: read.expiresAt) + Self.patience {
                try await ledger.expire(invoice.hash, at: now)
            }
        }
    }
}
