// More of what the kill matrix of chains does: what a shop is given, a payment that runs out, one that waits and is signed again,
// claims of several channels at once. It must never remember anything outside its folder, as ChainScript.

import EVM
import Foundation
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import X402

@testable import LedgerCore

extension ChainScript {
    static let bought: Int64 = 700
    static let amount: Int64 = 1_500_000

    /// A shop, which is the chain's other user, has what it was given carried.
    func buy() async throws {
        let token = rail.chain.tokens[0]
        let asked = PaymentRequirements(
            scheme: ExactPayment.scheme, network: "eip155:137", asset: token.address,
            amount: UInt256(UInt64(Self.bought)), payTo: Self.payee, maxTimeoutSeconds: 1_800,
            extra: ["name": .text(token.domain.name), "version": .text(token.domain.version)])
        let terms = BuyTerms(
            id: "weather", asked, token, amount: Self.bought, from: rail.signer.address, shop: "shop",
            request: Digest(hashing: "request"), validBefore: Self.start / 1000 + 7_200)
        let payment = try await ledger.ask(
            Ledger.PaymentDraft(
                id: "weather", rail: rail.chain.rail, asset: Self.asset, amount: Self.bought,
                payee: terms.payee, terms: try CanonicalJSON.encode(terms), perPayment: Self.bought,
                perDay: Self.bought), at: now)
        if payment.state == .asked {
            try await ledger.move("weather", to: .handed, "given to the shop 'shop'", at: now)
        }
        let authorization = try terms.authorization()
        ledger.commits.reach?(.sending)
        // The same however often it is given; the shop has it carried once.
        if chain.change({ $0.used[authorization.nonce.bytes] }) == nil {
            let data = try authorization.call(try signer.sign(authorization, token.domain))
            guard
                let transaction = FeeMarketTransaction(
                    chainID: 137, nonce: 0, maxPriorityFee: UInt256(1), maxFee: UInt256(1 << 40),
                    gasLimit: 150_000, to: token.address, data: data)
            else { throw CocoaError(.coderInvalidValue) }
            let raw = try receiver.sign(.feeMarket(transaction))
            try await rail.client.send(
                Letter(
                    number: 1, at: now, lane: "", place: 0, hash: EVMTransaction.hash(raw: raw), raw: raw))
        }
        ledger.commits.reach?(.sent)
        await look(until: 8)
    }

    /// A payment that no block takes, until its time is over.
    func runOut() async throws {
        _ = try await rail.ask("rent", rail.chain.tokens[0], amount: Self.amount, to: Self.payee)
        await lookInVain(5)
        if chain.change({ $0.waited }) == 0 {
            chain.wait(5_000)
            clock.withLockedValue { $0 += 5_000_000 }
        }
        await lookInVain(5)
    }

    /// Blocks pass, and have nothing of what was sent.
    func lookInVain(_ times: Int) async {
        for _ in 0..<times {
            _ = await rail.pass()
            chain.change { $0.waiting = [] }
            chain.mine()
            clock.withLockedValue { $0 += 5_000 }
        }
    }

    /// A payment that waits for minutes and is signed again at a higher fee, before a block takes one of its letters.
    func raise() async throws {
        _ = try await rail.ask("rent", rail.chain.tokens[0], amount: Self.amount, to: Self.payee)
        for _ in 0..<6 {
            _ = await rail.pass()
            clock.withLockedValue { $0 += 40_000 }
        }
        await look(until: 8)
    }

    /// One job for each of several clients; what they come to is claimed together.
    func claimAll() async throws {
        for (index, channel) in others.enumerated() {
            guard let guest = Self.key(Self.guests[index]) else { throw CocoaError(.coderInvalidValue) }
            try await serve(guest, channel, job: index + 1)
        }
        await look(until: 10)
    }

    private func serve(_ guest: SecretKey, _ channel: PaymentChannel, job: Int) async throws {
        guard let payer = PaymentSigner(guest.derived(.evm(0))) else { throw CocoaError(.coderInvalidValue) }
        let voucher = Voucher(channel: channel.id, ceiling: UInt256(1_180))
        let signed = SignedVoucher(
            voucher: voucher, signature: try payer.sign(voucher, of: channel.config, chainID: 137))
        let quote = try quote(job, for: guest)
        var taken = TakenJob(
            job: Self.job(job), client: guest.publicKey, modelRoot: quote.quote.terms.modelRoot,
            unitPrice: quote.quote.terms.unitPrice, maxTokens: quote.quote.terms.maxTokens)
        taken.quote = Digest(hex: quote.event.id)
        _ = try await ledger.take(
            taken,
            cover: .init(channel: channel, signed: signed, amount: Self.promised, balance: Self.deposit),
            quote: quote, at: now)
        let (provider, body) = (provider, try body(job, for: guest))
        let template = try body.template(quote: Digest(hex: quote.event.id))
        let issued = Operation(
            kind: .issue, job: body.job, client: guest.publicKey, provider: provider.publicKey)
        _ = try await ledger.perform(
            issued, body: body, receiptID: Hex.encode(template.computedID()), at: now
        ) { (try provider.sign(template), nil) }
    }
}
