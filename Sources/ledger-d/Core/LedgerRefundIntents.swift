// The intents about what is left in a channel: its payer asks the payee for it, the payee gives it back.
// It must never give anything back on another word than the payer's own signature.

import EVM
import Interfaces
import NodeModel
import Nostr
import Wire
import X402

extension LedgerDaemon {
    /// What this node, a payer, asks its payee with; the money is out of reach of jobs when this returns.
    func askRefund(_ id: String) async throws -> LedgerInterface.AskRefund.Reply {
        try requireStaying()
        let channel = try await requireChannel(id, .payer)
        let (rail, token) = try requireToken(channel.asset)
        let (payment, charged) = try await ledger.askBack(
            channel, validBefore: now + rail.chain.validSeconds, at: clock())
        bell.yield()
        // By x402 a voucher over what was charged says who asks; it is none that lets anybody take more.
        let voucher = Voucher(channel: channel.id, ceiling: UInt256(UInt64(clamping: charged)))
        let signed = SignedVoucher(
            voucher: voucher,
            signature: try rail.signer.sign(voucher, of: channel.config, chainID: channel.chainID))
        let payload = PaymentPayload(
            accepted: Self.asked(
                token, receiver: channel.config.receiver, delay: channel.config.withdrawDelay,
                amount: payment.amount),
            payload: BatchPayment(config: channel.config, signed: signed, purpose: .refund(nil)).payload)
        return LedgerInterface.AskRefund.Reply(payment: await shown(payment), request: payload.header)
    }

    /// Takes a payer's request for its money; what is due is claimed first, and the rest given back.
    func giveRefund(
        _ request: LedgerInterface.GiveRefund
    ) async throws -> LedgerInterface.GiveRefund.Reply {
        try requireStaying()
        let payload: PaymentPayload
        let batch: BatchPayment
        do throws(X402Error) {
            payload = try PaymentPayload(header: request.request)
            batch = try BatchPayment(payload.payload)
        } catch { throw WireError(.invalidParams, "'request' cannot be read: \(error).") }
        guard case .refund(let wanted) = batch.purpose else {
            throw WireError(.invalidParams, "'request' is not one for a refund.")
        }
        guard let rail = rails.first(where: { $0.chain.id == payload.accepted.chainID }),
            let token = rail.chain.tokens.first(where: { $0.address == batch.config.token })
        else { throw WireError(.policyRefused, "This node has no account for that token.") }
        // The channel's own delay: the configuration may be another since.
        let asked = Self.asked(
            token, receiver: rail.signer.address, delay: batch.config.withdrawDelay, amount: 0)
        if let problem = batch.problem(asked) {
            throw WireError(.verificationFailed, "No refund: \(problem).")
        }
        guard batch.config.salt == PaymentChannel.salt(client: request.client, provider: key.publicKey),
            batch.config.payer != rail.signer.address
        else { throw WireError(.notPermitted, "The channel is not one between these two nodes.") }
        let channel = try PaymentChannel(
            batch.config, chainID: rail.chain.id, asset: token.asset, side: .payee, peer: request.client,
            at: clock())
        let amount = try wanted.map { wanted in
            guard let amount = wanted.exactInt64 else {
                throw WireError(.policyRefused, "\(wanted) is more than any channel holds.")
            }
            return amount
        }
        let (balance, nonce) = try await Self.holding(channel, rail)
        let refund = try await ledger.take(
            refundOf: channel, amount, balance: balance, nonce: nonce, at: clock())
        bell.yield()
        return LedgerInterface.GiveRefund.Reply(amount: refund.amount)
    }

    private static func holding(
        _ channel: PaymentChannel, _ rail: EVMRail
    ) async throws -> (balance: Int64, nonce: Int64) {
        do { return try await rail.holding(channel) } catch {
            throw WireError(
                .unavailable, "The chain cannot be asked about this channel now.", retryAfterMs: 5_000,
                cause: "\(error)")
        }
    }

    /// A channel of this node's on one side.
    func requireChannel(_ id: String, _ side: PaymentChannel.Side) async throws -> PaymentChannel {
        guard let id = Digest(hex: id), let channel = try await ledger.channel(id), channel.side == side
        else {
            throw WireError(
                .notFound,
                "There is no channel of this name in which this node \(side == .payer ? "pays" : "is paid").",
                fix: "See 'infernetctl wallet channels'.")
        }
        return channel
    }
}
