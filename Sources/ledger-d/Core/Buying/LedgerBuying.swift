// The intent that buys one answer over HTTP by x402's `exact`: ask the shop, see that its price is within the ceilings, set the
// money aside, write down that the authorization leaves, and give it. It must never sign for terms that a person's
// configuration does not allow, nor a second authorization for one id.

import DaemonKit
import EVM
import IPC
import Interfaces
import NodeConfig
import NodeModel
import Wire
import X402

/// The way to shops.
protocol ShopCarrier: Sendable {
    func shop(_ request: WSInterface.Shop) async throws -> WSInterface.Shop.Reply
}

extension LinkCarrier: ShopCarrier {
    func shop(_ request: WSInterface.Shop) async throws -> WSInterface.Shop.Reply {
        try await link.call(request)
    }
}

extension LedgerDaemon {
    func buy(_ request: LedgerInterface.Buy) async throws -> LedgerInterface.Buy.Reply {
        try requireStaying()
        try Self.checkPaymentID(request.id)
        guard let shop = shops.first(where: { $0.name == request.shop }) else {
            throw WireError(
                .notFound, "There is no shop '\(request.shop.prefix(32))'.",
                fix: "Name it under ledger.shops.")
        }
        guard (1...Deed.largestAmount).contains(request.most) else {
            throw WireError(.invalidParams, "'most' must be positive, not \(request.most).")
        }
        let digest = Digest(hashing: request.body)
        if let known = try await ledger.payments(named: request.id) {
            guard let terms = try? EVMErrands.read(known.terms) as? BuyTerms, terms.shop == shop.name,
                terms.request == digest.hex
            else {
                throw WireError(.conflict, "'\(request.id)' paid for something else.", fix: "Use a new id.")
            }
            guard known.state != .failed else {
                throw WireError(
                    .conflict, "'\(request.id)' was not carried out in time.", fix: "Use a new id.")
            }
            return try await give(known, terms, request, shop)
        }
        let said = try await shopper.shop(.init(endpoint: shop.endpoint, body: request.body))
        guard said.status == 402 else { return .init(status: said.status, body: said.body) }
        let (payment, terms) = try await setAside(said.required, request, shop, digest)
        return try await give(payment, terms, request, shop)
    }

    /// Reads what the shop asks for, and sets the money aside.
    private func setAside(
        _ header: String?, _ request: LedgerInterface.Buy, _ shop: ShopSection, _ digest: Digest
    ) async throws -> (OutgoingPayment, BuyTerms) {
        let required: PaymentRequired
        do throws(X402Error) { required = try PaymentRequired(header: header ?? "") } catch {
            throw WireError(.verificationFailed, "What the shop asks for cannot be read: \(error).")
        }
        let ways = required.accepts.compactMap { asked in
            Self.payable(asked, rails).map { (asked, $0.rail, $0.token) }
        }
        guard let (asked, rail, token) = ways.first(where: { $0.0.extra["paymentFlow"] == nil }) ?? ways.first
        else {
            throw WireError(
                .policyRefused, "The shop takes nothing that this node can pay with by x402's 'exact'.",
                fix: "See 'infernetctl wallet accounts'.")
        }
        guard let amount = asked.amount.exactInt64, amount > 0, amount <= request.most else {
            throw WireError(
                .policyRefused,
                "The shop asks for \(asked.amount), more than the \(request.most) that was allowed.")
        }
        guard asked.maxTimeoutSeconds >= 10 else {
            throw WireError(.policyRefused, "The shop lets a payment be valid for less than ten seconds.")
        }
        let standing = await rail.standing(of: token.asset)
        guard standing.ok else {
            throw WireError(
                .unavailable, "The chain cannot be asked about this token now: \(standing.reason).",
                retryAfterMs: 5_000)
        }
        let terms = BuyTerms(
            id: request.id, asked, token, amount: amount, from: rail.signer.address, shop: shop.name,
            request: digest,
            validBefore: now + min(asked.maxTimeoutSeconds, rail.chain.validSeconds))
        let payment = try await ledger.ask(
            Ledger.PaymentDraft(
                id: request.id, rail: rail.chain.rail, asset: token.asset, amount: amount,
                payee: terms.payee, terms: try CanonicalJSON.encode(terms),
                perPayment: min(token.perPayment, shop.maxPerPayment), perDay: token.perDay,
                perPeer: token.perPeer,
                ceilings: "of the shop, or of the token under ledger.chains"), at: clock())
        guard payment.terms == (try CanonicalJSON.encode(terms)) else {
            throw WireError(.conflict, "'\(request.id)' paid for something else.", fix: "Use a new id.")
        }
        return (payment, terms)
    }

    /// Gives the shop the authorization, which is the same however often it is given.
    private func give(
        _ payment: OutgoingPayment, _ terms: BuyTerms, _ request: LedgerInterface.Buy, _ shop: ShopSection
    ) async throws -> LedgerInterface.Buy.Reply {
        let (rail, token) = try requireToken(payment.asset)
        let authorization = try terms.authorization()
        let signature = try rail.signer.sign(authorization, token.domain)
        let header = PaymentPayload(
            accepted: try terms.asked(),
            payload: ExactPayment(authorization: authorization, signature: signature).payload
        ).header
        // Written down first: after a crash nobody can say whether it left.
        if payment.state == .asked {
            try await ledger.move(payment.id, to: .handed, "given to the shop '\(shop.name)'", at: clock())
        }
        ledger.commits.reach?(.sending)
        let said = try await shopper.shop(
            .init(endpoint: shop.endpoint, body: request.body, payment: header))
        ledger.commits.reach?(.sent)
        if let words = said.response, let claim = try? SettlementResponse(header: words), claim.success,
            let hash = Hex.decode(claim.transaction.dropFirst(2).lowercased(), count: 32)
        {
            await rail.heard(hash, of: payment.id)
        }
        bell.yield()
        return .init(
            status: said.status, body: said.body, payment: await shown(try await ledger.payment(payment.id)))
    }

    /// The account that can pay what a shop asks for; nil when none can, or should.
    private static func payable(
        _ asked: PaymentRequirements, _ rails: [EVMRail]
    ) -> (rail: EVMRail, token: EVMToken)? {
        guard asked.scheme == ExactPayment.scheme,
            let rail = rails.first(where: { $0.chain.id == asked.chainID }),
            let token = rail.chain.tokens.first(where: { $0.address == asked.asset }),
            asked.payTo != rail.signer.address, asked.payTo != .zero, asked.payTo != token.address
        else { return nil }
        // Another domain would be another token; another method is none that is spoken here.
        func agrees(_ key: String, _ own: String) -> Bool {
            asked.extra[key].map { $0 == .text(own) } ?? true
        }
        guard agrees("name", token.domain.name), agrees("version", token.domain.version),
            agrees("assetTransferMethod", "eip3009"),
            asked.extra["paymentFlow"].map({ [.text("authorization"), .text("upfront")].contains($0) })
                ?? true
        else { return nil }
        return (rail, token)
    }
}

extension Ledger {
    /// A payment by its id; nil when there is none.
    func payments(named id: String) async throws -> OutgoingPayment? {
        try await reading { try Self.payment(id, $0) }
    }
}
