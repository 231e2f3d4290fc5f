// `infernetctl wallet channel|channels|leave`: money put into channels with providers, and what is left, promised and due.
// It must never open a channel on terms that are not on the provider's own signed card.

import ArgumentParser
import FoundationEssentials
import Interfaces
import NodeModel
import Nostr
import Wire

extension Wallet {
    struct Channel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "channel",
            abstract: "Puts money into a channel with a provider, to pay its jobs from.",
            discussion:
                "The provider is found by a model that it offers. What is put in can only go to this provider, by vouchers "
                + "for jobs; the rest comes back when the channel is closed.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The provider: npub… or 64 hexadecimal characters.")
        var provider: String
        @Argument(help: "A model that it offers.")
        var model: String
        @Argument(help: "How much, as 1.50 (of the token, not of its smallest unit).")
        var amount: String
        @Option(help: "The payment's id: the same id pays once, however often it is asked.")
        var id: String?

        func run() async throws {
            let node = global.node
            guard let key = PublicKey(npubOrHex: provider) else {
                throw ValidationError("'\(provider)' is not a provider's key.")
            }
            let accounts = try await node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            let found = try await node.call(DHTInterface.Find(model: "", provider: key, limit: 1), at: .dht)
            let now = Clock.milliseconds() / 1000
            let offers = found.cards.compactMap { FoundProvider($0, model: model, now: now) }
            guard let offer = offers.first(where: { $0.card.provider == key }) else {
                throw WireError(
                    .noProvider, "That provider does not offer '\(model)' now.",
                    fix: "See 'infernetctl find \(model)'.")
            }
            guard let payTo = offer.card.payTo,
                let account = accounts.first(where: { $0.asset == offer.offer.price.asset })
            else {
                throw WireError(
                    .policyRefused,
                    "It is paid in \(offer.offer.price.asset.rawValue), for which this node has no account on a chain.",
                    fix: "See 'infernetctl wallet accounts', and ledger.chains in infernet.yaml.")
            }
            guard let units = TokenAmount.units(amount, decimals: account.decimals) else {
                throw ValidationError(
                    "'\(amount)' is no amount of \(account.symbol): digits, at most \(account.decimals) behind the point."
                )
            }
            let payment = try await node.call(
                LedgerInterface.OpenChannel(
                    id: id ?? "channel-\(UUID().uuidString.lowercased())", provider: key,
                    asset: account.asset, payTo: payTo, amount: units), at: .ledger)
            if global.json { return global.output.json(payment) }
            PaymentView.lines([payment], accounts, global.output.style).forEach(global.output.line)
            global.output.error(
                global.output.errorStyle.dim(
                    "Jobs can be paid from it when this is settled: 'infernetctl wallet channels'."))
        }
    }

    struct Leave: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "leave",
            abstract: "Asks for what is left in a channel back.",
            discussion:
                "No job is paid from it any more. The provider is asked to claim what is due to it and to give the rest back at "
                + "once. Where it does not answer or refuses, the channel's contract is asked: then the rest comes after the "
                + "channel's delay, without another word.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The provider: npub… or 64 hexadecimal characters.")
        var provider: String
        @Flag(help: "Do not ask the provider: wait for the channel's delay.")
        var afterDelay = false

        func run() async throws {
            let node = global.node
            guard let key = PublicKey(npubOrHex: provider) else {
                throw ValidationError("'\(provider)' is not a provider's key.")
            }
            let channels = try await node.call(LedgerInterface.Channels(), at: .ledger).channels
            // What is waited for already is held, and not in the balance.
            let waiting = Set(
                try await node.call(LedgerInterface.Payments(limit: 200), at: .ledger).payments.filter {
                    $0.awaiting != nil
                }.map(\.to))
            let own = channels.filter {
                $0.peer == key && !$0.isPayee && ($0.balance > 0 || waiting.contains("back:\($0.id)"))
            }
            guard !own.isEmpty else {
                throw WireError(
                    .notFound, "There is nothing left in a channel with that provider.",
                    fix: "See 'infernetctl wallet channels'.")
            }
            let accounts = try await node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            var payments: [LedgerInterface.Payment] = []
            for channel in own { payments.append(try await leave(channel, node)) }
            if global.json { return global.output.json(payments) }
            PaymentView.lines(payments, accounts, global.output.style).forEach(global.output.line)
        }

        /// By the provider's hand where it lends it, else by the contract.
        private func leave(
            _ channel: LedgerInterface.Channel, _ node: Node
        ) async throws -> LedgerInterface.Payment {
            if !afterDelay {
                do {
                    let asked = AggregatorInterface.AskRefund(provider: channel.peer, channel: channel.id)
                    return try await node.call(asked, at: .aggregator)
                } catch let error as WireError {
                    global.output.error(
                        "The provider gives nothing back at once: \(TerminalText.clean(error.message)) "
                            + "So the contract is asked, and it comes after \(channel.payTo.withdrawDelay) s."
                    )
                }
            }
            return try await node.call(LedgerInterface.LeaveChannel(channel: channel.id), at: .ledger)
        }
    }

    struct Channels: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows channels with other nodes: what is left, promised, charged and due.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Channels(), at: .ledger)
            if global.json { return global.output.json(reply) }
            guard !reply.channels.isEmpty else {
                return global.output.line("There is no channel yet. Open one: 'infernetctl wallet channel'.")
            }
            let accounts = try await global.node.call(LedgerInterface.Accounts(), at: .ledger).accounts
            ChannelView.lines(reply.channels, accounts, global.output.style).forEach(global.output.line)
        }
    }
}

/// Channels as people see them. Pure.
enum ChannelView {
    static func lines(
        _ channels: [LedgerInterface.Channel], _ accounts: [LedgerInterface.Accounts.Account], _ style: Style
    ) -> [String] {
        var table = Table([
            ("WITH", .left), ("THIS NODE", .left), ("LEFT", .right), ("DUE", .right), ("AT RISK", .right),
            ("CHARGED", .right), ("VOUCHER", .right),
        ])
        for channel in channels {
            let account = accounts.first { $0.asset == channel.asset }
            func text(_ units: Int64) -> String {
                account.map { TokenAmount.text(units, $0) } ?? "\(units) \(channel.asset.rawValue)"
            }
            table.add(
                channel.peer.npub, channel.isPayee ? "is paid" : "pays",
                channel.isPayee ? "" : text(channel.balance), channel.isPayee ? text(channel.balance) : "",
                channel.isPayee ? "" : text(channel.ceiling - channel.charged), text(channel.charged),
                text(channel.ceiling))
        }
        return table.lines(style)
    }
}
