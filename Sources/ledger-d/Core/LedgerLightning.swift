// What a person asks about money on Lightning.
// It must never pay in the call that asks: the money is set aside first, and the rail does the rest.

import DaemonKit
import Interfaces
import Lightning
import Logging
import NIOCore
import NodeConfig
import NodeModel
import Nostr
import Wire

extension LightningRail {
    /// The rail that the configuration asks for; nil when it names none.
    static func configured(
        _ section: LightningSection, key: AccountKey, carrier: any KeyedCarrier & RelayCarrier,
        group: any EventLoopGroup, holdSeconds: Int64,
        ledger: Ledger, log: Logger, clock: @escaping @Sendable () -> Int64
    ) throws(WireError) -> LightningRail? {
        guard section.isOn else { return nil }
        let account = try LightningAccount(section)
        let backend: any LightningBackend
        switch account.kind {
        case .lnbits: backend = LNbitsBackend(endpoint: account.endpoint, carrier: carrier, key: key)
        case .lnd:
            backend = LNDBackend(
                endpoint: account.endpoint, carrier: carrier, key: key, network: section.network)
        case .nwc:
            backend = WalletConnectBackend(
                endpoint: account.endpoint, carrier: carrier, key: key, clock: clock)
        case .cln:
            guard let path = section.socketPath else {
                throw WireError(.configInvalid, "ledger.lightning.url names no socket.")
            }
            backend = CoreLightningBackend(
                call: SocketCall(path: path, group: group), network: section.network)
        }
        return LightningRail(
            account, backend: backend, ledger: ledger, log: log, holdSeconds: holdSeconds, clock: clock)
    }
}

extension LedgerDaemon {
    /// Tells a relay who asks: the node where its card goes, the wallet's connection where its requests go.
    func authenticate(_ request: LedgerInterface.SignRelayAuth) async throws -> SignedEvent {
        func signed(by key: SecretKey) throws -> SignedEvent {
            try key.sign(
                try policy.relayAuthentication(
                    author: key.publicKey, relay: request.relay, challenge: request.challenge, now: now))
        }
        if request.endpoint.hasPrefix(CarryEndpoint.cardPrefix) { return try signed(by: key) }
        guard let account = lightning?.account, account.endpoint == request.endpoint,
            let wallet = lightning?.backend as? WalletConnectBackend
        else { throw WireError(.policyRefused, "ledger-d has no key for this relay.") }
        do { return try signed(by: try wallet.connection().secret) } catch let trouble as LightningTrouble {
            throw WireError(.unavailable, trouble.description)
        }
    }

    func payInvoice(_ request: LedgerInterface.PayInvoice) async throws -> LedgerInterface.Payment {
        try requireStaying()
        let rail = try requireLightning()
        let payment = try await rail.ask(request.invoice, amount: request.amount)
        lightningBell.yield()
        return await shown(payment)
    }

    func makeInvoice(_ request: LedgerInterface.MakeInvoice) async throws -> LedgerInterface.Invoice {
        try requireStaying()
        let made = try await requireLightning().makeInvoice(amount: request.amount, memo: request.memo)
        lightningBell.yield()
        return try Self.shown(made)
    }

    func invoices(limit: Int) async throws -> LedgerInterface.Invoices.Reply {
        LedgerInterface.Invoices.Reply(invoices: try await ledger.invoices(limit: limit).map(Self.shown))
    }

    func lightningAccount() async throws -> LedgerInterface.Accounts.Account? {
        guard let rail = lightning else { return nil }
        let (available, held) = try await ledger.holdings(rail.account.asset)
        let standing = await rail.standing
        return .init(
            chain: rail.account.name, chainID: nil, asset: rail.account.asset, symbol: "sat", decimals: 3,
            address: "", available: available, held: held, ok: standing.ok, reason: standing.reason)
    }

    func shownLightning(_ payment: OutgoingPayment) async -> LedgerInterface.Payment {
        let terms = try? LightningTerms(payment.terms)
        let invoice = try? terms?.decoded()
        let awaited = await lightning?.awaited[payment.id]
        return LedgerInterface.Payment(
            id: payment.id, chain: terms?.backend ?? payment.rail, asset: payment.asset,
            amount: terms?.amount ?? payment.amount, to: invoice?.payee.description ?? "",
            state: payment.state.rawValue, reason: payment.reason,
            awaiting: payment.state.isOver ? nil : awaited ?? "the backend",
            transaction: invoice?.paymentHash.hex, at: payment.at, since: payment.since)
    }

    private static func shown(_ own: OwnInvoice) throws -> LedgerInterface.Invoice {
        let read: Invoice
        do { read = try Invoice(own.text) } catch {
            throw WireError(.corrupt, "The ledger has an invoice that cannot be read.", cause: "\(error)")
        }
        var memo = ""
        if case .text(let words) = read.purpose { memo = words }
        return LedgerInterface.Invoice(
            text: own.text, hash: own.hash.hex, asset: own.asset, amount: own.amount, memo: memo,
            state: own.state.rawValue, at: own.at,
            expiresAt: Int64(clamping: min(read.expiresAt, 1 << 50)) * 1000)
    }

    private func requireLightning() throws -> LightningRail {
        guard let lightning else {
            throw WireError(
                .notFound, "This node has no account on Lightning.",
                fix: "Name one under ledger.lightning in infernet.yaml.")
        }
        return lightning
    }
}
