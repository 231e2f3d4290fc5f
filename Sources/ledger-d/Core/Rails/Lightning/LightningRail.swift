// The Lightning account, looked at again and again: payments are driven to their end, paid invoices are booked.
// It must never let an invoice leave before its payment is on disk, nor ask another backend what became of it.

import DaemonKit
import Lightning
import Logging
import NodeModel
import Wire

actor LightningRail {
    nonisolated let account: LightningAccount
    nonisolated let backend: any LightningBackend
    nonisolated let ledger: Ledger
    private let log: Logger
    /// Unix milliseconds.
    nonisolated let clock: @Sendable () -> Int64

    private(set) var standing: (ok: Bool, reason: String) = (false, "not heard yet")
    /// Whether a look has ended.
    private(set) var hasLooked = false
    /// What each payment under way waits for.
    private(set) var awaited: [String: String] = [:]
    /// How long a client's payment may be held, in seconds.
    nonisolated let holdSeconds: Int64
    /// The plain no to the last sending of a payment, while this process lives.
    private var refusals: [String: String] = [:]
    /// Which invoice is asked about next.
    var turn = 0
    private var isBusy = false

    init(
        _ account: LightningAccount, backend: any LightningBackend, ledger: Ledger, log: Logger,
        holdSeconds: Int64 = 900,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.account = account
        self.backend = backend
        self.ledger = ledger
        self.log = log
        self.holdSeconds = holdSeconds
        self.clock = clock
    }

    /// Takes a payment in. The money is set aside when this returns, and nothing has left.
    ///
    /// - Parameter amount: in millisatoshis, for an invoice that names none.
    nonisolated func ask(_ text: String, amount: Int64?) async throws -> OutgoingPayment {
        let (terms, invoice) = try read(text, amount: amount)
        return try await ledger.ask(invoice.paymentHash, at: clock()) { try self.draft(terms, invoice, $0) }
    }

    /// Reads what is to be paid.
    nonisolated func read(_ text: String, amount: Int64?) throws -> (LightningTerms, Invoice) {
        do throws(LightningRefusal) {
            let terms = try LightningTerms(
                text, amount: amount, account, paysAnyAmount: backend.paysAnyAmount, now: clock() / 1000)
            do { return (terms, try terms.decoded()) } catch { throw .malformed(error) }
        } catch { throw error.wire }
    }

    nonisolated func draft(
        _ terms: LightningTerms, _ invoice: Invoice, _ attempt: Int
    ) throws -> Ledger.PaymentDraft {
        Ledger.PaymentDraft(
            id: LightningTerms.id(invoice.paymentHash, attempt: attempt), rail: account.rail,
            asset: account.asset, amount: terms.reserved, payee: terms.payee(invoice),
            terms: try CanonicalJSON.encode(terms), perPayment: account.perPayment, perDay: account.perDay,
            perPeer: account.perPeer,
            ceilings: "under ledger.lightning", account: terms.account)
    }

    /// Looks once.
    ///
    /// - Returns: whether something is under way.
    func pass() async -> Bool {
        // An actor lets calls in while it waits; two looks at once would send twice where one does.
        guard !isBusy else { return true }
        isBusy = true
        defer { isBusy = false }
        do {
            try await ledger.releaseStale(account.rail, at: clock())
            let payments = try await ledger.openPayments(account.rail)
            awaited = awaited.filter { entry in payments.contains { $0.id == entry.key } }
            refusals = refusals.filter { awaited[$0.key] != nil }
            let invoices = try await ledger.openInvoices(account.name)
            let holds = try await ledger.openHolds(account.name)
            do {
                var asked = !(invoices.isEmpty && holds.isEmpty)
                for payment in payments where try await follow(payment) { asked = true }
                if !asked { tell(true, try await backend.standing()) }
                // What is held has an end that does not wait.
                try await follow(holds)
                try await collect(invoices)
            } catch let trouble as LightningTrouble {
                tell(false, trouble.description)
                for payment in payments where awaited[payment.id] == nil {
                    awaited[payment.id] = trouble.description
                }
            }
            return !(payments.isEmpty && invoices.isEmpty && holds.isEmpty)
        } catch {
            tell(false, (error as? WireError)?.message ?? "\(error)")
            return true
        }
    }

    /// One payment; what is wrong with it alone does not keep others waiting.
    ///
    /// - Returns: whether the backend was asked about it.
    private func follow(_ payment: OutgoingPayment) async throws -> Bool {
        guard let terms = try? LightningTerms(payment.terms), let invoice = try? terms.decoded() else {
            awaited[payment.id] = "a build that can read its invoice"
            return false
        }
        guard terms.backend == account.name else {
            awaited[payment.id] = "the backend '\(terms.backend)', which this node no longer has"
            return false
        }
        do {
            try await drive(payment, terms, invoice)
            tell(true, "heard")
        } catch let trouble as LightningTrouble {
            awaited[payment.id] = trouble.description
            if trouble.endsTheLook { throw trouble }
            tell(false, trouble.description)
        }
        return true
    }

    private func drive(_ asked: OutgoingPayment, _ terms: LightningTerms, _ invoice: Invoice) async throws {
        var sentAt = asked.state == .asked ? nil : asked.since / 1000
        var told: LightningClaim?
        // What was just sent is looked up at once, unless the backend has said already what became of it.
        for _ in 0..<2 {
            let claim = if let told { told } else { try await backend.payment(invoice.paymentHash) }
            let machine = LightningPaymentMachine(
                invoice: invoice, sentAt: sentAt, refusesTwice: backend.refusesTwice,
                patience: try await ledger.patience(invoice.paymentHash))
            let now = clock()
            switch machine.next(claim, refusal: refusals[asked.id], now: now / 1000) {
            case .send:
                told = try await send(asked.id, terms, invoice, at: now)
                sentAt = now / 1000
                continue
            case .answered(let claim):
                awaited[asked.id] = claim
                let stands = try await ledger.payment(asked.id)
                if stands.state != .answered {
                    try await ledger.move(asked.id, to: .answered, claim, at: now)
                }
            case .settle(let preimage, let fee):
                try await settle(asked, terms, invoice, preimage, fee: fee, at: now)
            case .fail(let reason):
                try await ledger.end(asked.id, .failed, reason, at: now)
                awaited[asked.id] = nil
                log.notice("payment failed", metadata: ["payment": "\(asked.id)", "reason": "\(reason)"])
            case .wait(let what): awaited[asked.id] = what
            }
            return
        }
    }

    /// Written down first: after a crash nobody can say whether it left.
    ///
    /// - Returns: what the backend says became of it, if it does.
    private func send(
        _ id: String, _ terms: LightningTerms, _ invoice: Invoice, at now: Int64
    ) async throws -> LightningClaim? {
        refusals[id] = nil
        awaited[id] = "the backend to say what became of it"
        try await ledger.move(id, to: .handed, "given to '\(account.name)'", at: now)
        ledger.commits.reach?(.sending)
        let word = try await backend.pay(
            terms.invoice, amount: terms.chosenAmount(invoice), feeCeiling: terms.feeCeiling)
        ledger.commits.reach?(.sent)
        switch word {
        case .refused(let words): refusals[id] = words
        case .claim(let claim): return claim
        case nil: break
        }
        return nil
    }

    /// The fee is the backend's word; never more of it is booked than was set aside.
    private func settle(
        _ payment: OutgoingPayment, _ terms: LightningTerms, _ invoice: Invoice, _ preimage: [UInt8],
        fee: Int64, at now: Int64
    ) async throws {
        var reason = "paid, proven by \(Hex.encode(preimage)); fee \(fee) msat"
        if fee > terms.feeCeiling {
            reason += ", of which \(terms.feeCeiling) are booked: no more was set aside"
        }
        try await ledger.end(
            payment.id, .settled, reason, at: now, spent: terms.amount + min(fee, terms.feeCeiling),
            proof: (invoice.paymentHash, preimage))
        awaited[payment.id] = nil
        log.notice("payment settled", metadata: ["payment": "\(payment.id)"])
    }

    func note(_ words: Logger.Message, _ hash: Digest) {
        log.notice(words, metadata: ["hash": "\(hash)"])
    }

    func booked(_ invoice: OwnInvoice) {
        log.notice("invoice paid", metadata: ["hash": "\(invoice.hash)", "msat": "\(invoice.amount)"])
    }

    func tell(_ ok: Bool, _ reason: String) {
        if ok != standing.ok {
            log.notice(
                "Lightning \(ok ? "heard" : "in doubt")",
                metadata: ["backend": "\(account.name)", "why": "\(reason)"])
        }
        standing = (ok, reason)
        hasLooked = true
    }
}
