// A payee gives back what payers asked for: when all that is due was claimed, once, until the final block says that it is done.
// It must never sign a refund of more than the receipts leave, whatever the chain is said to hold.

import EVM
import NodeModel
import Wire
import X402

extension EVMRail {
    /// What the final block says of a channel whose payer wants its money back.
    func holding(_ channel: PaymentChannel) async throws -> (balance: Int64, nonce: Int64) {
        let standing = standing(of: channel.asset)
        guard standing.ok else { throw ChainTrouble.silent(standing.reason) }
        return try await holding(channel.id, .finalized)
    }

    private func holding(
        _ id: Digest, _ place: ChainClient.Place
    ) async throws -> (balance: Int64, nonce: Int64) {
        // The nonce first: a refund that passes in between is then one that has not passed.
        let nonce = try await client.refunds(id, place)
        let held = try await client.channel(id, place)
        guard let balance = held.balance.exactInt64, let nonce = nonce.exactInt64 else {
            throw ChainTrouble.unreadable("a channel holds more than any can")
        }
        return (balance, nonce)
    }

    /// Goes on with every refund that was asked for.
    func giveBack(_ final: UInt64) async throws {
        for refund in try await ledger.openRefunds(chain.rail) where !refund.isUnderWay {
            do { try await giveBack(refund, final) } catch let trouble as ChainTrouble {
                awaited["refund:\(refund.channel.id.hex)"] = trouble.description
            }
        }
    }

    private func giveBack(_ refund: ChannelRefund, _ final: UInt64) async throws {
        let channel = refund.channel
        let (balance, nonce) = try await holding(channel.id, .number(final))
        guard nonce == refund.nonce else {
            // Only this node signs, one at a time. A count that has fallen was a wrong one when the refund was asked for.
            guard nonce <= refund.nonce + 1 else { throw ChainTrouble.unreadable("refundNonce") }
            // What was heard of the channel is from before.
            forget(channel.id)
            try await ledger.end(refund, given: nonce > refund.nonce, at: now)
            return forget(channel.id)
        }
        let amount = min(refund.amount, balance - (try await ledger.book(of: channel.id, at: now)).charged)
        guard amount > 0 else {
            // What was signed could still pass when more is put in: then it is not over.
            if !refund.isSigned { try await ledger.end(refund, given: false, at: now) }
            return
        }
        let (chain, signer, until) = (chain, signer, now / 1000 + chain.validSeconds)
        try await ledger.give(refund, amount, at: now) { claimed, tries in
            let signature = try signer.sign(
                refundOf: channel.config, channel.id, amount: amount, nonce: refund.nonce,
                chainID: channel.chainID)
            let terms = ChannelRefundTerms(
                amount: amount, refund, claimed: claimed, signature, validBefore: until)
            return Ledger.PaymentDraft(
                id: ChannelRefundTerms.id(channel, refund.number, String(tries + 1)), rail: chain.rail,
                asset: channel.asset, amount: amount, payee: terms.payee,
                terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0,
                account: ChannelRefundTerms.account(channel))
        }
    }
}
