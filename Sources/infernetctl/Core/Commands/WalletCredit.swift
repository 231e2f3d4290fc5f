// `infernetctl wallet credit`: jobs paid ahead on Lightning: what is left with which provider, more of it, and it back.
// It must never pay an invoice that ledger-d has not found to be the one that the provider signed for.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

extension Wallet {
    struct Credit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Jobs paid ahead on Lightning: what is left, more of it, and it back.",
            discussion:
                "Credit is with one provider, whose jobs are paid from it. What the provider holds is in its hands: its word "
                + "with the payment's proof says what it owes, and ledger.credit.max_prepaid bounds it.",
            subcommands: [Show.self, Open.self, Back.self], defaultSubcommand: Show.self)
    }
}

extension Wallet.Credit {
    /// Where a provider is: by a model that it offers, or by its address.
    struct Way: ParsableArguments {
        @Argument(help: "The provider: npub… or 64 hexadecimal characters.")
        var provider: String
        @Option(help: "A model that it offers, by which it is found.")
        var model: String?
        @Option(help: "Its address as its card says it, ws://…, when it offers nothing now.")
        var endpoint: String?

        func key() throws -> PublicKey {
            guard let key = PublicKey(npubOrHex: provider) else {
                throw ValidationError("'\(provider)' is not a provider's key.")
            }
            return key
        }

        /// Its address, and in what it is paid for the model.
        func find(_ node: Node) async throws -> (endpoint: String, asset: Asset?) {
            let key = try key()
            if let endpoint { return (endpoint, nil) }
            guard let model else { throw ValidationError("Name a model that it offers: --model.") }
            let found = try await node.call(DHTInterface.Find(model: "", provider: key, limit: 1), at: .dht)
            let now = Clock.milliseconds() / 1000
            let offers = found.cards.compactMap { FoundProvider($0, model: model, now: now) }
            guard let offer = offers.first(where: { $0.card.provider == key }) else {
                throw WireError(
                    .noProvider, "That provider does not offer '\(model)' now.",
                    fix: "See 'infernetctl find \(model)'; or name its address with --endpoint.")
            }
            return (offer.card.endpoint, offer.offer.price.asset)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows credit with other nodes, and of others with this one.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Credits(), at: .ledger)
            if global.json { return global.output.json(reply) }
            let held = reply.held ?? []
            guard !(reply.credits.isEmpty && held.isEmpty) else {
                return global.output.line(
                    "There is no credit yet. Buy some: 'infernetctl wallet credit open'.")
            }
            if !reply.credits.isEmpty {
                CreditView.lines(reply.credits, global.output.style).forEach(global.output.line)
            }
            if !held.isEmpty { CreditView.lines(held, global.output.style).forEach(global.output.line) }
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Buys credit with a provider, to pay its jobs from.",
            discussion:
                "The provider makes an invoice and signs for it; this node's account on Lightning pays it.")

        @OptionGroup var global: GlobalOptions
        @OptionGroup var way: Way
        @Argument(help: "How many satoshis.")
        var amount: String
        @Flag(help: "Have the payment held until an answer was accepted; without one it comes back.")
        var held = false

        func run() async throws {
            let node = global.node
            let wanted = try LightningAmount.millisatoshis(amount)
            let (endpoint, price) = try await way.find(node)
            let accounts = try await node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            guard let asset = accounts.first(where: { $0.asset.isLightning })?.asset, price ?? asset == asset
            else {
                throw WireError(
                    .policyRefused,
                    "It is paid in \(price?.rawValue ?? "millisatoshis"), for which this node has no account on Lightning.",
                    fix: "See 'infernetctl wallet accounts', and ledger.lightning in infernet.yaml.")
            }
            let key = try way.key()
            let request = try await node.call(
                LedgerInterface.AskCredit(
                    provider: key, asset: asset, amount: wanted, held: held ? true : nil), at: .ledger)
            let answer = try await node.call(
                WSInterface.Credit(endpoint: endpoint, provider: key, request: request), at: .ws)
            guard let offer = answer.offer, let invoice = answer.invoice else {
                throw WireError(.providerFailed, "The provider gave no invoice.")
            }
            let payment = try await node.call(
                LedgerInterface.PayCredit(
                    provider: key, offer: offer, invoice: invoice,
                    held: held ? request.onlyTag("hash").flatMap(Digest.init(hex:)) : nil), at: .ledger)
            if global.json { return global.output.json(payment) }
            PaymentView.lines([payment], accounts, global.output.style).forEach(global.output.line)
            global.output.error(
                global.output.errorStyle.dim(
                    held
                        ? "A job can be paid from it when it is held, and it is taken with the first accepted answer: "
                            + "'infernetctl wallet credit'."
                        : "Jobs can be paid from it when this is settled: 'infernetctl wallet credit'."))
        }
    }

    struct Back: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Asks a provider for what is left of a credit.",
            discussion:
                "This node makes an invoice, which the provider pays out of the credit; what the way may cost is taken from it "
                + "too. The same again asks for the same, until the invoice is paid or has run out.")

        @OptionGroup var global: GlobalOptions
        @OptionGroup var way: Way
        @Option(help: "How many satoshis of it; all when left out.")
        var amount: String?

        func run() async throws {
            let node = global.node
            let wanted = try amount.map(LightningAmount.millisatoshis)
            let (endpoint, _) = try await way.find(node)
            let key = try way.key()
            let request = try await node.call(
                LedgerInterface.WithdrawCredit(provider: key, amount: wanted), at: .ledger)
            let answer = try await node.call(
                WSInterface.Credit(endpoint: endpoint, provider: key, request: request), at: .ws)
            if global.json { return global.output.json(answer) }
            let said = [answer.state, answer.reason].compactMap { $0.map(TerminalText.clean) }
            global.output.line("The provider's payment: \(said.joined(separator: ", "))")
            global.output.error(
                global.output.errorStyle.dim("It is here when 'infernetctl wallet invoices' says so."))
        }
    }
}

/// Credit as people see it. Pure.
enum CreditView {
    static func lines(_ credits: [LedgerInterface.Credit], _ style: Style) -> [String] {
        var table = Table([
            ("WITH", .left), ("THIS NODE", .left), ("LEFT", .right), ("IN JOBS", .right),
            ("GOING BACK", .right), ("CHARGED", .right),
        ])
        for credit in credits {
            table.add(
                credit.peer.npub, credit.isPayee ? "owes" : "paid",
                LightningAmount.text(credit.balance), LightningAmount.text(credit.open),
                LightningAmount.text(credit.returning), LightningAmount.text(credit.charged))
        }
        return table.lines(style)
    }

    /// Purchases whose payment is held, with what each waits for.
    static func lines(_ held: [LedgerInterface.HeldCredit], _ style: Style) -> [String] {
        var table = Table([
            ("HELD WITH", .left), ("THIS NODE", .left), ("AMOUNT", .right), ("STATE", .left), ("WHY", .left),
            ("WAITS FOR", .left),
        ])
        for purchase in held {
            table.add(
                purchase.peer.npub, purchase.isPayee ? "is paid" : "pays",
                LightningAmount.text(purchase.amount), TerminalText.clean(purchase.state),
                TerminalText.clean(purchase.reason), TerminalText.clean(purchase.awaiting ?? "-"))
        }
        return table.lines(style)
    }
}
