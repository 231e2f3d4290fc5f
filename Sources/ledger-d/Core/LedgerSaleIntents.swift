// The intents about sales to strangers by x402's `exact`: what is asked, what is taken, what the chain has of it.
// It must never take a payment that the token would not let pass now, nor say "settled" before a block has it.

import DaemonKit
import EVM
import Interfaces
import NodeModel
import Wire
import X402

extension LedgerDaemon {
    /// Seconds that a stranger's authorization is asked to be valid.
    static let saleTimeout: Int64 = 1_800
    /// Seconds that must be left of it: for the work and the way to a block, or for the way alone.
    static let leastLeft: (work: UInt64, upfront: UInt64) = (900, 300)
    /// How long a block is waited for, and how often the chain is asked meanwhile.
    private static let blockPatience = Duration.seconds(75)

    func takeSale(_ request: LedgerInterface.TakeSale) async throws -> LedgerInterface.TakeSale.Reply {
        try requireStaying()
        let (rail, token) = try requireToken(request.asset)
        guard (1...Deed.largestAmount).contains(request.amount) else {
            throw WireError(.invalidParams, "'amount' must be positive, not \(request.amount).")
        }
        guard (1...512).contains(request.resource.utf8.count), Deed.isPlain(request.resource) else {
            throw WireError(.invalidParams, "'resource' must be a URL of at most 512 characters.")
        }
        guard request.model.map({ (1...128).contains($0.utf8.count) }) ?? true else {
            throw WireError(.invalidParams, "'model' names a model in 1 to 128 bytes.")
        }
        let asked = Self.price(token, to: rail.signer.address, request)
        guard let header = request.payment else {
            throw Self.required("nothing came with the request", asked, request)
        }
        let exact: ExactPayment
        do throws(X402Error) {
            let payment = try PaymentPayload(header: header)
            guard payment.accepted == asked else {
                throw X402Error.field("accepted", "is not what is asked for")
            }
            exact = try ExactPayment(payment.payload)
        } catch { throw Self.required("the payment cannot be taken: \(error)", asked, request) }
        let terms = SaleTerms(exact, asked, amount: request.amount, chainID: rail.chain.id)
        let known = try await ledger.sale(terms.id)
        // What the chain has, or is about to have, is not weighed again.
        if known?.carrying == nil {
            let least = request.upfront ? Self.leastLeft.upfront : Self.leastLeft.work
            let time = UInt64(clamping: now)
            if let problem = exact.problem(asked, token.domain, now: time) {
                throw Self.required(problem, asked, request)
            }
            guard exact.authorization.validBefore >= time + least else {
                throw Self.required("it runs out too soon: \(least) s must be left of it", asked, request)
            }
            if let problem = try await problem(exact, token, rail) {
                throw Self.required(problem, asked, request)
            }
        }
        do {
            return LedgerInterface.TakeSale.Reply(
                repeated: try await ledger.take(
                    Ledger.Offer(
                        job: request.job, terms: terms, rail: rail.chain.rail, asset: token.asset,
                        request: request.request, process: request.process, model: request.model),
                    at: clock()))
        } catch let error as WireError where error.code == .paymentRequired {
            throw Self.required(error.message, asked, request)
        }
    }

    /// Has the payment of a job carried, and waits until a block has it.
    func settleSale(_ job: JobID) async throws -> LedgerInterface.SettleSale.Reply {
        try requireStaying()
        let sale = try await ledger.carry(job, at: clock())
        let (rail, _) = try requireToken(sale.asset)
        let end = ContinuousClock.now + Self.blockPatience
        while true {
            bell.yield()
            let payment = try await ledger.payment(sale.terms.id)
            var answer = SettlementResponse(
                success: true, payer: try EVMAddress(sale.terms.payer), network: sale.rail,
                amount: UInt256(UInt64(clamping: sale.terms.amount)))
            if payment.state == .failed {
                answer.success = false
                answer.errorReason = "invalid_transaction_state"
                answer.errorMessage = payment.reason
                return .init(settled: false, response: answer.header)
            }
            if let hash = await rail.paid[payment.id] {
                answer.transaction = "0x" + Hex.encode(hash)
                return .init(settled: true, response: answer.header)
            }
            if payment.state == .settled {
                answer.transaction = String(payment.reason.drop { $0 != "0" })
                return .init(settled: true, response: answer.header)
            }
            guard ContinuousClock.now < end else {
                let awaited = await rail.awaited[payment.id] ?? "the chain"
                throw WireError(
                    .unavailable, "The payment is on its way and awaits \(awaited).",
                    fix: "Send the same request with the same payment again: it is not taken twice.",
                    retryAfterMs: 30_000)
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    func endSale(_ request: LedgerInterface.EndSale) async throws -> Done {
        try await ledger.endTurn(
            request.job, delivered: request.delivered, usage: request.usage, at: clock())
        return Done()
    }

    /// Why the token would not let a payment pass now; nil when it would.
    private func problem(
        _ exact: ExactPayment, _ token: EVMToken, _ rail: EVMRail
    ) async throws -> String? {
        do {
            return try await rail.problem(exact.authorization, token)
        } catch {
            throw WireError(
                .unavailable, "The chain cannot be asked about this payment now.", retryAfterMs: 5_000,
                cause: "\(error)")
        }
    }

    private static func price(
        _ token: EVMToken, to account: EVMAddress, _ request: LedgerInterface.TakeSale
    ) -> PaymentRequirements {
        var extra: [String: X402Value] = [
            "name": .text(token.domain.name), "version": .text(token.domain.version),
        ]
        // The SDK's name for an order that is not verify, work, settle.
        if request.upfront { extra["paymentFlow"] = .text("upfront") }
        return PaymentRequirements(
            scheme: ExactPayment.scheme, network: "eip155:\(token.domain.chainID)", asset: token.address,
            amount: UInt256(UInt64(clamping: request.amount)), payTo: account,
            maxTimeoutSeconds: saleTimeout, extra: extra)
    }

    private static func required(
        _ why: String, _ asked: PaymentRequirements, _ request: LedgerInterface.TakeSale
    ) -> WireError {
        let resource = PaidResource(
            url: request.resource, summary: "one answer of a language model", mimeType: "application/json")
        return WireError(
            .paymentRequired, "A payment is required: \(why).",
            cause: PaymentRequired(error: why, resource: resource, accepts: [asked]).header)
    }
}

extension EVMRail {
    /// Why the token would not let an authorization pass now; nil when it would.
    func problem(_ authorization: TransferAuthorization, _ token: EVMToken) async throws -> String? {
        let standing = standing(of: token.asset)
        guard standing.ok else { throw ChainTrouble.silent(standing.reason) }
        if try await client.hasUsed(authorization, token, .latest) {
            return "the authorization was used before"
        }
        let held = try await client.call(
            EVMToken.balanceOf, [.address(authorization.from)], at: token.address, .latest)
        guard case .uint(let held)? = held.first else { throw ChainTrouble.unreadable("balanceOf") }
        return held < authorization.value ? "the payer's account does not hold so much" : nil
    }
}
