// The intents about payment channels: opening one, promising a job's price, taking a stranger's promise.
// It must never sign a voucher that the book does not cover, nor take one that the chain does not.

import DaemonKit
import EVM
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Wire
import X402

extension LedgerDaemon {
    func payTerms(_ asset: Asset) throws -> LedgerInterface.PayTerms.Reply {
        if let lightning, lightning.account.asset == asset {
            return LedgerInterface.PayTerms.Reply(payTo: nil)
        }
        let (rail, _) = try requireToken(asset)
        return LedgerInterface.PayTerms.Reply(payTo: ownTerms(rail))
    }

    func openChannel(_ request: LedgerInterface.OpenChannel) async throws -> LedgerInterface.Payment {
        try requireStaying()
        try Self.checkPaymentID(request.id)
        let (rail, token) = try requireToken(request.asset)
        let channel = try channel(rail, token, provider: request.provider, request.payTo)
        guard (1...Deed.largestAmount).contains(request.amount) else {
            throw WireError(.invalidParams, "'amount' must be positive, not \(request.amount).")
        }
        let payment = try await rail.open(
            request.id, channel, token, amount: request.amount, at: clock())
        bell.yield()
        return await shown(payment)
    }

    /// Asks for what is left in a channel back.
    func leaveChannel(_ id: String) async throws -> LedgerInterface.Payment {
        try requireStaying()
        let channel = try await requireChannel(id, .payer)
        let (rail, _) = try requireToken(channel.asset)
        let payment = try await rail.leave(channel, at: clock())
        bell.yield()
        return await shown(payment)
    }

    /// A voucher for a job that goes to a provider.
    func promise(
        _ request: LedgerInterface.PromisePrice
    ) async throws -> LedgerInterface.PromisePrice.Reply {
        try requireStaying()
        let quote = try quoted(request)
        if request.asset.isLightning { return try await draw(request, quote) }
        let (rail, token) = try requireToken(request.asset)
        guard let payTo = request.payTo else {
            throw WireError(.invalidParams, "'pay_to' must say where the provider is paid.")
        }
        let channel = try channel(rail, token, provider: request.provider, payTo)
        let asked = Self.asked(
            token, receiver: channel.config.receiver, delay: channel.config.withdrawDelay,
            amount: request.amount)
        let (signer, config, chainID) = (rail.signer, channel.config, channel.chainID)
        let signed = try await ledger.promise(
            Ledger.Promise(
                job: request.job, channel: channel, amount: request.amount,
                stated: try request.refused.map { try Self.stated($0, asked) } ?? 0,
                atRisk: channels.maxAtRisk, limit: limit, quote: quote, process: request.process),
            at: clock()
        ) { voucher in try signer.sign(voucher, of: config, chainID: chainID) }
        let payment = PaymentPayload(
            accepted: asked, payload: BatchPayment(config: config, signed: signed).payload)
        return LedgerInterface.PromisePrice.Reply(payment: payment.header)
    }

    func release(_ request: LedgerInterface.ReleasePrice) async throws -> Done {
        try await ledger.release(
            request.job, peer: request.peer, request.served ? .payee : .payer, at: clock())
        return Done()
    }

    func shownChannels() async throws -> LedgerInterface.Channels.Reply {
        let all = try await ledger.channels(at: clock())
        return LedgerInterface.Channels.Reply(
            channels: all.map { channel, book, balance in
                LedgerInterface.Channel(
                    id: channel.id.hex, isPayee: channel.side == .payee, peer: channel.peer,
                    asset: channel.asset,
                    payTo: PayTo(
                        address: channel.config.receiver.checksummed,
                        withdrawDelay: channel.config.withdrawDelay),
                    balance: balance, charged: book.charged, open: book.open, ceiling: book.highest,
                    at: channel.at)
            })
    }

    /// What covers a stranger's job that costs money.
    ///
    /// - Throws: `.paymentRequired`, with what is required as its cause, when nothing does.
    func cover(
        _ job: TakenJob, _ payment: String?, ceiling: Int64?, process: Digest?
    ) async throws -> Ledger.Cover? {
        let asset = job.unitPrice.asset
        guard asset != .testCredit else { return nil }
        let (rail, token) = try requireToken(asset)
        guard let ceiling, ceiling > 0, ceiling <= Deed.largestAmount else {
            throw WireError(.invalidParams, "'ceiling' must be the most that the job may cost.")
        }
        let asked = Self.asked(
            token, receiver: rail.signer.address, delay: channels.withdrawDelaySeconds, amount: ceiling)
        guard let payment else {
            throw Self.required("this job costs money, and no voucher came with it", asked)
        }
        let batch: BatchPayment
        do throws(X402Error) {
            batch = try BatchPayment(try PaymentPayload(header: payment).payload)
        } catch { throw Self.required("the payment cannot be read: \(error)", asked) }
        if let problem = batch.problem(asked) { throw Self.required(problem, asked) }
        guard batch.purpose == .voucher,
            batch.config.salt == PaymentChannel.salt(client: job.client, provider: key.publicKey),
            batch.config.payer != rail.signer.address
        else { throw Self.required("its channel is not one between these two nodes", asked) }
        let channel = try PaymentChannel(
            batch.config, chainID: rail.chain.id, asset: asset, side: .payee, peer: job.client, at: clock())
        let refunds: Int
        do { refunds = try await ledger.requireOpen(channel.id) } catch let error as WireError
            where error.code == .paymentRequired
        {
            bell.yield()
            throw Self.required("the channel is on its way back to its payer, who asked for it", asked)
        }
        let view = try await view(channel, rail, least: batch.signed.voucher.ceiling.exactInt64 ?? .max)
        guard !view.isLeaving else {
            bell.yield()
            throw Self.required("its payer has asked for the channel's money back", asked)
        }
        return Ledger.Cover(
            channel: channel, signed: batch.signed, amount: ceiling, balance: view.balance, refunds: refunds,
            process: process)
    }

    /// What the chain says of a channel; younger than a minute, and newer where it would hold less than `least`.
    func view(_ channel: PaymentChannel, _ rail: EVMRail, least: Int64) async throws -> ChannelView {
        do { return try await rail.view(of: channel.id, channel.asset, least: least) } catch {
            throw WireError(
                .unavailable, "The chain cannot be asked about this channel now.", retryAfterMs: 5_000,
                cause: "\(error)")
        }
    }

    /// A refusal of the book, with what a payer must know to do better.
    func explained(_ error: WireError, _ cover: Ledger.Cover?, _ quote: KeptQuote?) async -> WireError {
        guard error.code == .paymentRequired, let cover,
            let book = try? await ledger.book(of: cover.channel.id, at: clock()),
            let (_, token) = try? requireToken(cover.channel.asset)
        else { return error }
        let first = quote?.quote.first ?? cover.amount
        let asked = Self.asked(
            token, receiver: cover.channel.config.receiver, delay: cover.channel.config.withdrawDelay,
            amount: first
        ).stating(cover.channel.id, cover.balance, due: book.due(besides: first))
        return Self.required(error.message, asked)
    }

    static func required(_ why: String, _ asked: PaymentRequirements) -> WireError {
        WireError(
            .paymentRequired, "A payment is required: \(why).",
            cause: PaymentRequired(error: why, accepts: [asked]).header)
    }

    /// What a provider that refused a payment says must be covered besides.
    static func stated(_ header: String, _ asked: PaymentRequirements) throws -> Int64 {
        let required: PaymentRequired
        do throws(X402Error) { required = try PaymentRequired(header: header) } catch {
            throw WireError(.verificationFailed, "The provider's terms cannot be read: \(error).")
        }
        let way = required.accepts.first {
            $0.scheme == asked.scheme && $0.network == asked.network && $0.asset == asked.asset
                && $0.payTo == asked.payTo
        }
        guard case .object(let state)? = way?.extra["channelState"],
            case .text(let text)? = state["chargedCumulativeAmount"],
            let stated = UInt256(decimal: text)?.exactInt64
        else {
            throw WireError(
                .paymentRequired, "The provider refuses this node's voucher and does not say what it lacks.")
        }
        return stated
    }

    static func asked(
        _ token: EVMToken, receiver: EVMAddress, delay: Int64, amount: Int64
    ) -> PaymentRequirements {
        PaymentRequirements(
            scheme: BatchPayment.scheme, network: "eip155:\(token.domain.chainID)", asset: token.address,
            amount: UInt256(UInt64(clamping: amount)), payTo: receiver, maxTimeoutSeconds: 600,
            extra: [
                "receiverAuthorizer": .text(receiver.checksummed), "withdrawDelay": .number(String(delay)),
                "name": .text(token.domain.name), "version": .text(token.domain.version),
                "assetTransferMethod": .text("eip3009"),
            ])
    }

    func ownTerms(_ rail: EVMRail) -> PayTo {
        PayTo(
            address: rail.signer.address.checksummed, withdrawDelay: channels.withdrawDelaySeconds)
    }

    func requireToken(_ asset: Asset) throws -> (EVMRail, EVMToken) {
        for rail in rails {
            if let token = rail.chain.tokens.first(where: { $0.asset == asset }) { return (rail, token) }
        }
        throw WireError(
            .policyRefused, "This node has no account for '\(asset.rawValue.prefix(160))'.",
            fix: "See 'infernetctl wallet accounts', and ledger.chains in infernet.yaml.")
    }

    /// The channel of this node with a provider, on the terms of its card.
    private func channel(
        _ rail: EVMRail, _ token: EVMToken, provider: PublicKey, _ payTo: PayTo
    ) throws -> PaymentChannel {
        let receiver: EVMAddress
        do { receiver = try EVMAddress(payTo.address) } catch {
            throw WireError(.invalidParams, "'pay_to.address': \(error).")
        }
        guard ChannelConfig.delays.contains(payTo.withdrawDelay) else {
            throw WireError(.invalidParams, "'pay_to.withdraw_delay_s' is outside the contract's bounds.")
        }
        guard provider != key.publicKey, receiver != rail.signer.address, receiver != .zero,
            receiver != token.address
        else { throw WireError(.invalidParams, "A channel is between two nodes.") }
        let config = ChannelConfig(
            payer: rail.signer.address, payerAuthorizer: rail.signer.address, receiver: receiver,
            receiverAuthorizer: receiver, token: token.address, withdrawDelay: payTo.withdrawDelay,
            salt: PaymentChannel.salt(client: key.publicKey, provider: provider))
        return try PaymentChannel(
            config, chainID: rail.chain.id, asset: token.asset, side: .payer, peer: provider, at: clock())
    }
}

extension PaymentRequirements {
    /// With what a payer must know to do better.
    func stating(_ channel: Digest, _ balance: Int64, due: Int64) -> PaymentRequirements {
        var asked = self
        asked.extra["channelState"] = .object([
            "channelId": .text("0x" + channel.hex), "balance": .text(String(balance)),
            "chargedCumulativeAmount": .text(String(due)),
        ])
        return asked
    }
}
