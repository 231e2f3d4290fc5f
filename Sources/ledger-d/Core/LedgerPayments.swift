// What a person asks about money, and the work of driving payments to their end.
// It must never sign in the call that asks: the money is set aside first, and the rail does the rest.

import DaemonKit
import EVM
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Wire

extension LedgerDaemon {
    func pay(_ request: LedgerInterface.Pay) async throws -> LedgerInterface.Payment {
        try requireStaying()
        try Self.checkPaymentID(request.id)
        for rail in rails {
            guard let token = rail.chain.tokens.first(where: { $0.asset == request.asset }) else { continue }
            let payee: EVMAddress
            do { payee = try EVMAddress(request.to) } catch {
                throw WireError(.invalidParams, "'to': \(error).", fix: "Copy the address again.")
            }
            guard request.amount > 0 else {
                throw WireError(.invalidParams, "'amount' must be positive, not \(request.amount).")
            }
            let payment = try await rail.ask(request.id, token, amount: request.amount, to: payee)
            bell.yield()
            return await shown(payment)
        }
        throw WireError(
            .notFound, "This node has no account for '\(request.asset.rawValue.prefix(160))'.",
            fix: "See 'infernetctl wallet accounts', and ledger.chains in infernet.yaml.")
    }

    /// Ids of claims are the rail's own.
    static func checkPaymentID(_ id: String) throws(WireError) {
        guard (1...100).contains(id.utf8.count), id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !id.hasPrefix("claim/")
        else {
            throw WireError(
                .invalidParams, "'id' has 1 to 100 printable characters and does not begin with 'claim/'.")
        }
    }

    func payments(limit: Int) async throws -> LedgerInterface.Payments.Reply {
        var shown: [LedgerInterface.Payment] = []
        for payment in try await ledger.payments(limit: limit) { shown.append(await self.shown(payment)) }
        return LedgerInterface.Payments.Reply(payments: shown)
    }

    func accounts() async throws -> LedgerInterface.Accounts.Reply {
        var accounts: [LedgerInterface.Accounts.Account] = []
        for rail in rails {
            let coin = await rail.coins.map {
                LedgerInterface.Accounts.Coin(symbol: rail.chain.coin, amount: "\($0)", decimals: 18)
            }
            for token in rail.chain.tokens {
                let standing = await rail.standing(of: token.asset)
                let (available, held) = try await ledger.holdings(token.asset)
                accounts.append(
                    .init(
                        chain: rail.chain.name, chainID: Int64(clamping: rail.chain.id), asset: token.asset,
                        symbol: token.symbol, decimals: token.decimals,
                        address: rail.signer.address.checksummed,
                        available: available, held: held, ok: standing.ok, reason: standing.reason,
                        coin: coin))
            }
        }
        if let account = try await lightningAccount() { accounts.append(account) }
        return LedgerInterface.Accounts.Reply(accounts: accounts)
    }

    /// Looks at every chain and at Lightning until the daemon ends: soon after a payment was asked for, often while one
    /// is under way. A silent chain keeps Lightning from nothing, nor the other way round.
    public func run() async throws {
        async let chains: Void = watchChains()
        async let account: Void = watchLightning()
        _ = try await (chains, account)
        while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
    }

    private func watchChains() async throws {
        guard let idle = rails.map(\.chain.poll).min() else { return }
        while !Task.isCancelled {
            var isBusy = false
            for rail in rails where await rail.pass() { isBusy = true }
            await bell.next(within: isBusy ? min(idle, .seconds(3)) : idle)
        }
    }

    private func watchLightning() async throws {
        guard let lightning else { return }
        let poll = lightning.account.poll
        while !Task.isCancelled {
            let isBusy = await lightning.pass()
            let isHeard = await lightning.standing.ok
            await lightningBell.next(within: isBusy || !isHeard ? poll : max(poll, .seconds(60)))
        }
    }

    func shown(_ payment: OutgoingPayment) async -> LedgerInterface.Payment {
        if payment.isLightning { return await shownLightning(payment) }
        let rail = rails.first { $0.chain.rail == payment.rail }
        let errand = try? EVMErrands.read(payment.terms)
        let awaited = await rail?.awaited[payment.id] ?? "the chain"
        return LedgerInterface.Payment(
            id: payment.id, chain: rail?.chain.name ?? payment.rail, asset: payment.asset,
            amount: payment.amount,
            to: (errand?.payee).map { (try? EVMAddress($0))?.checksummed ?? $0 } ?? "",
            state: payment.state.rawValue, reason: payment.reason,
            awaiting: payment.state.isOver ? nil : awaited,
            transaction: payment.letters.last.map { "0x" + Hex.encode($0.hash) }, at: payment.at,
            since: payment.since)
    }
}

/// A bell that many may ring and one hears.
struct Bell: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func yield() { continuation.yield() }

    /// Returns when it is rung, at the latest after a while.
    func next(within pause: Duration) async {
        let alarm = Task {
            try await Task.sleep(for: pause)
            yield()
        }
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        alarm.cancel()
    }
}
