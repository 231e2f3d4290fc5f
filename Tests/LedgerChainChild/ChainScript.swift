// What the kill matrix of chains does: a deposit and a payment; a channel from its opening to an accepted receipt; a
// voucher from the job it came with to the money it claims; claims of several channels; what a shop is given; what runs out, and what waits; what is left, back, by the payer's hand and by the payee's; a sale
// to a stranger. It must never remember anything outside its folder: its process is killed at every boundary and begins again.

import EVM
import Foundation
import Logging
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import X402

@testable import LedgerCore

struct ChainScript: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case pay, client, provider, sale, refund, returned, buy, expired, slow, claims
    }

    static let funds: Int64 = 10_000_000
    static let deposit: Int64 = 1_000_000
    static let promised: Int64 = 2_000
    /// The ceiling of the voucher for the second piece of the first job: 1,180 for the second job, and 1,580.
    static let covered: Int64 = 2_760
    static let price: Int64 = 54
    static let sold: Int64 = 1_280
    static let asset = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    static let payee = EVMAddressText("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf").address
    static let start: Int64 = 1_790_000_000_000

    let ledger: Ledger
    let chain: ModelChain
    let rail: EVMRail
    let client: SecretKey
    let provider: SecretKey
    let channel: PaymentChannel
    let clock: NIOLockedValueBox<Int64>
    let signer: PaymentSigner
    let receiver: PaymentSigner
    /// Those of other clients, where there are several; in the order of `guests`.
    let others: [PaymentChannel]
    /// The keys of those clients.
    static let guests = [13, 14, 15] as [UInt8]

    static func key(_ byte: UInt8) -> SecretKey? { SecretKey(bytes: [UInt8](repeating: byte, count: 32)) }

    /// - Parameters:
    ///   - at: Unix milliseconds.
    ///   - reach: called at every boundary, of the ledger's and of the chain's.
    init(_ kind: Kind, _ directory: String, at: Int64, _ reach: (@Sendable () -> Void)? = nil) throws {
        guard let client = Self.key(11), let provider = Self.key(12),
            let payer = PaymentSigner(client.derived(.evm(0))),
            let receiver = PaymentSigner(provider.derived(.evm(0))), let section = ChainSection.known.first
        else { throw CocoaError(.coderInvalidValue) }
        (self.client, self.provider, signer, self.receiver) = (client, provider, payer, receiver)
        let clock = NIOLockedValueBox(at)
        self.clock = clock
        let polygon = try EVMChain(section)
        let config = ChannelConfig(
            payer: payer.address, payerAuthorizer: payer.address, receiver: receiver.address,
            receiverAuthorizer: receiver.address, token: polygon.tokens[0].address, withdrawDelay: 86_400,
            salt: PaymentChannel.salt(client: client.publicKey, provider: provider.publicKey))
        let isPayee = [.provider, .sale, .refund, .claims].contains(kind)
        let channel = try PaymentChannel(
            config, chainID: 137, asset: Self.asset, side: isPayee ? .payee : .payer,
            peer: isPayee ? client.publicKey : provider.publicKey, at: Self.start)
        self.channel = channel
        let others = try (kind == .claims ? Self.guests : []).compactMap { byte in
            try Self.key(byte).flatMap { guest in
                try PaymentSigner(guest.derived(.evm(0))).map { own in
                    let config = ChannelConfig(
                        payer: own.address, payerAuthorizer: own.address, receiver: receiver.address,
                        receiverAuthorizer: receiver.address, token: polygon.tokens[0].address,
                        withdrawDelay: 86_400,
                        salt: PaymentChannel.salt(client: guest.publicKey, provider: provider.publicKey))
                    return try PaymentChannel(
                        config, chainID: 137, asset: Self.asset, side: .payee, peer: guest.publicKey,
                        at: Self.start)
                }
            }
        }
        self.others = others
        chain = ModelChain(path: directory + "/chain") { state in
            state.mined.append(
                .init(
                    hash: Keccak256.hash("in".utf8), block: 101, ok: true, from: .zero, to: payer.address,
                    value: UInt256(UInt64(Self.funds)), nonce: []))
            state.tokens[payer.address] = UInt256(UInt64(Self.funds))
            state.height = 104
            if isPayee {
                state.settlement.history = [
                    .init(block: 101, id: channel.id, balance: UInt256(UInt64(Self.deposit)))
                ]
                state.settlement.history += others.map {
                    .init(block: 101, id: $0.id, balance: UInt256(UInt64(Self.deposit)))
                }
                state.tokens[BatchSettlement.contract] = UInt256(
                    UInt64(Self.deposit) * UInt64(1 + others.count))
            }
            state.mines = ![.expired, .slow].contains(kind)
        }
        let waited = chain.change { state in
            state.reach = reach
            return state.waited
        }
        clock.withLockedValue { $0 += waited * 1000 }
        var step: (@Sendable (LedgerStep) -> Void)?
        if let reach { step = { _ in reach() } }
        ledger = try Ledger(
            path: directory + "/" + Ledger.fileName, key: isPayee ? provider : client, reach: step)
        var own = section
        own.depositsFrom = 100
        rail = EVMRail(
            try EVMChain(own), signer: isPayee ? receiver : payer, ledger: ledger, carrier: chain,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            rule: ClaimRule(amount: 1, after: 0), clock: { clock.withLockedValue { $0 } })
    }

    var now: Int64 { clock.withLockedValue { $0 } }

    /// Does all of it, or what is left of it.
    func run(_ kind: Kind) async throws {
        if kind != .expired { await look(until: channel.side == .payee ? 1 : 2) } else { await lookInVain(2) }
        switch kind {
        case .pay:
            _ = try await rail.ask("rent", rail.chain.tokens[0], amount: 1_500_000, to: Self.payee)
            await look(until: 8)
        case .client: try await pay()
        case .provider: try await earn()
        case .refund:
            try await earn()
            try await giveBack()
        case .returned: try await askBack()
        case .sale: try await sell()
        case .buy: try await buy()
        case .expired: try await runOut()
        case .slow: try await raise()
        case .claims: try await claimAll()
        }
    }

    /// The payer asks for the rest.
    private func giveBack() async throws {
        if chain.change({ $0.settlement.channel(channel.id).refunds }) == 0 {
            _ = try await ledger.take(
                refundOf: channel, nil, balance: Self.deposit, nonce: 0, at: now)
        }
        await look(until: 10)
    }

    /// A channel's payer asks for all of it, and its payee, who is the chain's other user, gives it.
    private func askBack() async throws {
        _ = try await rail.open(
            "open", channel, rail.chain.tokens[0], amount: Self.deposit, at: now)
        await look(until: 8)
        if try await ledger.balance(of: channel.account, Self.asset) > 0 {
            _ = try await ledger.askBack(channel, validBefore: now / 1000 + 3_600, at: now)
        }
        await look(until: 1)
        if chain.change({ $0.settlement.channel(channel.id).refunds }) == 0 {
            let signature = try receiver.sign(
                refundOf: channel.config, channel.id, amount: Self.deposit, nonce: 0, chainID: 137)
            let refund = BatchSettlement.Refund(
                config: channel.config, amount: UInt256(UInt64(Self.deposit)), nonce: .zero,
                signature: signature, claim: nil)
            guard
                let transaction = FeeMarketTransaction(
                    chainID: 137, nonce: 0, maxPriorityFee: UInt256(1), maxFee: UInt256(1 << 40),
                    gasLimit: 500_000, to: BatchSettlement.contract, data: try refund.call())
            else { throw CocoaError(.coderInvalidValue) }
            let raw = try receiver.sign(.feeMarket(transaction))
            try await rail.client.send(
                Letter(
                    number: 1, at: now, lane: "", place: 0, hash: EVMTransaction.hash(raw: raw), raw: raw))
        }
        await look(until: 8)
    }

    /// A stranger, who is the payer, buys one answer.
    private func sell() async throws {
        let job = Self.job(1)
        let known = try await ledger.sale(of: job)
        if known == nil {
            let offer = try offer(job)
            _ = try await ledger.take(offer, at: now)
        }
        _ = try await ledger.carry(job, at: now)
        await look(until: 6)
        try await ledger.endTurn(job, delivered: true, at: now)
        await look(until: 4)
    }

    /// What the stranger pays with, for a job.
    func offer(_ job: JobID, amount: Int64 = Self.sold, request: String = "request") throws -> Ledger.Offer {
        let token = rail.chain.tokens[0]
        let authorization = TransferAuthorization(
            from: signer.address, to: rail.signer.address, value: UInt256(UInt64(amount)),
            validBefore: UInt64(Self.start / 1000 + 7_200), nonce: Digest(hashing: "nonce"))
        let exact = ExactPayment(
            authorization: authorization, signature: try signer.sign(authorization, token.domain))
        let asked = PaymentRequirements(
            scheme: ExactPayment.scheme, network: "eip155:137", asset: token.address,
            amount: UInt256(UInt64(amount)), payTo: rail.signer.address, maxTimeoutSeconds: 1_800,
            extra: ["name": .text(token.domain.name), "version": .text(token.domain.version)])
        return Ledger.Offer(
            job: job, terms: SaleTerms(exact, asked, amount: amount, chainID: 137), rail: "eip155:137",
            asset: Self.asset, request: Digest(hashing: request))
    }

    func look(until times: Int) async {
        for _ in 0..<times {
            _ = await rail.pass()
            chain.mine()
            clock.withLockedValue { $0 += 5_000 }
        }
    }

    private func pay() async throws {
        _ = try await rail.open(
            "open", channel, rail.chain.tokens[0], amount: Self.deposit, at: now)
        await look(until: 8)
        for job in 1...2 { _ = try await promise(job) }
        try await cover()
        let receipt = try provider.sign(try body(1).template(quote: Digest(hex: try quote(1).event.id)))
        let (client, body) = (client, try body(1))
        let operation = Operation(
            kind: .spend, job: body.job, client: client.publicKey, provider: provider.publicKey)
        _ = try await ledger.perform(operation, body: body, receiptID: receipt.id, at: now) {
            let template = Acceptance.template(
                receipt: receipt, body: body, acceptedAt: Self.start / 1000)
            return (receipt, try client.sign(template))
        }
        try await ledger.release(Self.job(2), peer: provider.publicKey, .payer, at: now)
        // Then it wants the rest back.
        if try await ledger.balance(of: channel.account, Self.asset) > 0 {
            _ = try await rail.leave(channel, at: now)
        }
        await look(until: 6)
        if chain.change({ $0.waited }) == 0 {
            chain.wait(channel.config.withdrawDelay)
            clock.withLockedValue { $0 += channel.config.withdrawDelay * 1000 }
        }
        await look(until: 8)
    }

    private func promise(_ job: Int) async throws -> SignedVoucher? {
        // What is over is not promised again.
        if try await isOver(job) { return nil }
        let (signer, config) = (signer, channel.config)
        return try await ledger.promise(
            .init(
                job: Self.job(job), channel: channel, amount: Self.promised, stated: 0, atRisk: 100_000,
                limit: SpendingLimit(perJob: .max, perDay: .max, perPeer: .max), quote: try quote(job)),
            at: now
        ) { voucher in try signer.sign(voucher, of: config, chainID: 137) }
    }

    /// The next piece of the first job.
    private func cover() async throws {
        guard try await !isOver(1) else { return }
        let (signer, config) = (signer, channel.config)
        _ = try await ledger.cover(
            .init(job: Self.job(1), channel: channel, tokens: 300, stated: 0, atRisk: 100_000), at: now
        ) { voucher in try signer.sign(voucher, of: config, chainID: 137) }
    }

    private func isOver(_ job: Int) async throws -> Bool {
        try await ledger.reading { db in
            try Ledger.pledge(Self.job(job), channel.id, db)?.isOver ?? false
        }
    }

    private func earn() async throws {
        for job in 1...2 {
            let voucher = Voucher(channel: channel.id, ceiling: UInt256(UInt64(job) * 1_180))
            let signed = SignedVoucher(
                voucher: voucher, signature: try signer.sign(voucher, of: channel.config, chainID: 137))
            let quote = try quote(job)
            var taken = TakenJob(
                job: Self.job(job), client: client.publicKey, modelRoot: quote.quote.terms.modelRoot,
                unitPrice: quote.quote.terms.unitPrice, maxTokens: quote.quote.terms.maxTokens)
            taken.quote = Digest(hex: quote.event.id)
            _ = try await ledger.take(
                taken,
                cover: .init(
                    channel: channel, signed: signed, amount: Self.promised, balance: Self.deposit),
                quote: quote, at: now)
        }
        if try await !isOver(1) {
            let voucher = Voucher(channel: channel.id, ceiling: UInt256(UInt64(Self.covered)))
            let signed = SignedVoucher(
                voucher: voucher, signature: try signer.sign(voucher, of: channel.config, chainID: 137))
            try await ledger.take(
                signed, for: Self.job(1), upTo: 300, on: channel, balance: Self.deposit, at: now)
        }
        let (provider, client, body) = (provider, client, try body(1))
        let template = try body.template(quote: Digest(hex: try quote(1).event.id))
        let issued = Operation(
            kind: .issue, job: body.job, client: client.publicKey, provider: provider.publicKey)
        let receipt = try await ledger.perform(
            issued, body: body, receiptID: Hex.encode(template.computedID()), at: now
        ) { (try provider.sign(template), nil) }.receipt
        try await ledger.release(Self.job(2), peer: client.publicKey, .payee, at: now)
        let acceptance = try client.sign(
            Acceptance.template(receipt: receipt, body: body, acceptedAt: Self.start / 1000))
        let earned = Operation(
            kind: .earn, job: body.job, client: client.publicKey, provider: provider.publicKey)
        _ = try await ledger.perform(earned, body: body, receiptID: receipt.id, at: now) {
            (receipt, acceptance)
        }
        await look(until: 8)
    }

    /// The provider's quote: 624 bytes of base64 and 510 tokens cost what is promised.
    func quote(_ job: Int, for guest: SecretKey? = nil) throws -> KeptQuote {
        let quote = Quote(
            provider: provider.publicKey, client: (guest ?? client).publicKey,
            terms: QuoteTerms(
                job: Self.job(job), modelRoot: Digest(hashing: "model"), payload: Digest(hashing: "payload"),
                size: 624, unitPrice: UnitPrice(asset: Self.asset, prompt: 1, completion: 2), maxTokens: 510),
            rails: [.batchSettlement], chunk: 100, createdAt: Self.start / 1000,
            expiresAt: Self.start / 1000 + Quote.longestLife)
        return KeptQuote(quote: quote, event: try provider.sign(quote.template))
    }

    static func job(_ number: Int) -> JobID {
        var bytes = [UInt8](repeating: 7, count: 16)
        bytes[15] = UInt8(number)
        var random = SystemRandomNumberGenerator()
        return JobID("job_" + Hex.encode(bytes)) ?? JobID(milliseconds: 0, random: &random)
    }

    func body(_ job: Int, for guest: SecretKey? = nil) throws -> ReceiptBody {
        ReceiptBody(
            job: Self.job(job), provider: provider.publicKey, client: (guest ?? client).publicKey,
            model: "model",
            modelRoot: Digest(hashing: "model"), image: "sha256:" + Digest(hashing: "image").hex,
            requestHash: Digest(hashing: "request"), resultHash: Digest(hashing: "answer"),
            usage: Usage(promptTokens: 30, completionTokens: 12), timings: StageTimings(), finish: .stop,
            unitPrice: UnitPrice(asset: Self.asset, prompt: 1, completion: 2), price: Self.price,
            finishedAt: Self.start / 1000)
    }
}
