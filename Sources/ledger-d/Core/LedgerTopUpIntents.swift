// The intents about the next piece of an answer: its voucher signed for a provider, or taken from a client.
// It must never sign for a job that this node did not promise, nor take what the chain does not cover.

import DaemonKit
import EVM
import Interfaces
import NodeConfig
import NodeModel
import Wire
import X402

extension LedgerDaemon {
    /// A voucher for the next piece of an answer.
    func topUp(_ request: LedgerInterface.TopUp) async throws -> LedgerInterface.TopUp.Reply {
        try requireStaying()
        guard let channel = try await ledger.channel(of: request.job, with: request.provider, .payer) else {
            throw WireError(
                .policyRefused, "No voucher was promised to this provider for \(request.job).")
        }
        let (rail, token) = try requireToken(channel.asset)
        let (signer, config, chainID) = (rail.signer, channel.config, channel.chainID)
        var asked = Self.asked(
            token, receiver: config.receiver, delay: config.withdrawDelay, amount: 0)
        let signed = try await ledger.cover(
            Ledger.TopUp(
                job: request.job, channel: channel, tokens: request.tokens,
                stated: try request.refused.map { try Self.stated($0, asked) } ?? 0,
                atRisk: channels.maxAtRisk), at: clock()
        ) { voucher in try signer.sign(voucher, of: config, chainID: chainID) }
        asked.amount = signed.voucher.ceiling
        let payment = PaymentPayload(
            accepted: asked, payload: BatchPayment(config: config, signed: signed).payload)
        return LedgerInterface.TopUp.Reply(payment: payment.header)
    }

    /// Takes a client's voucher for the next piece of its answer.
    ///
    /// - Throws: `.paymentRequired`, with what is required as its cause, when it does not cover it.
    func takeTopUp(_ request: LedgerInterface.TakeTopUp) async throws -> Done {
        try requireStaying()
        guard let channel = try await ledger.channel(of: request.job, with: request.client, .payee) else {
            throw WireError(.policyRefused, "This node has taken no job \(request.job) on a channel.")
        }
        let (rail, token) = try requireToken(channel.asset)
        let needs = try await ledger.needs(
            request.job, upTo: request.tokens, on: channel.id, at: clock())
        let asked = Self.asked(
            token, receiver: channel.config.receiver, delay: channel.config.withdrawDelay,
            amount: needs.amount
        )
        let batch: BatchPayment
        do throws(X402Error) {
            batch = try BatchPayment(try PaymentPayload(header: request.payment).payload)
        } catch { throw Self.required("the payment cannot be read: \(error)", asked) }
        if let problem = batch.problem(asked) { throw Self.required(problem, asked) }
        guard batch.purpose == .voucher, batch.config == channel.config else {
            throw Self.required("its channel is not the one on which the job was taken", asked)
        }
        let view = try await view(channel, rail, least: batch.signed.voucher.ceiling.exactInt64 ?? .max)
        guard !view.isLeaving else {
            bell.yield()
            throw Self.required("its payer has asked for the channel's money back", asked)
        }
        do {
            try await ledger.take(
                batch.signed, for: request.job, upTo: request.tokens, on: channel, balance: view.balance,
                at: clock())
        } catch let error as WireError where error.code == .paymentRequired {
            throw Self.required(error.message, asked.stating(channel.id, view.balance, due: needs.besides))
        }
        return Done()
    }
}
