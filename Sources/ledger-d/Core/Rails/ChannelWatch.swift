// The channels of one chain, watched: what each holds, whether its payer wants it back, and when to claim.
// It must never claim more than the receipts say, nor believe in a deposit that is not final.

import EVM
import NodeModel
import Wire
import X402

/// What the chain says of a channel.
struct ChannelView: Hashable, Sendable {
    /// Over the channel's whole life, as of the final block.
    var balance: Int64
    var claimed: Int64
    /// Whether the payer wants its money back, as of the last block.
    var isLeaving: Bool
    /// When it was asked; Unix milliseconds.
    var at: Int64
}

extension EVMRail {
    /// How long an answer about a channel is taken as new, in milliseconds.
    private static let freshFor: Int64 = 60_000
    private static let justNow: Int64 = 2_000

    /// What the chain says of a channel.
    ///
    /// - Parameter least: what it must hold; a channel that holds less is asked about again at once.
    func view(of channel: Digest, least: Int64 = 0) async throws -> ChannelView {
        if let known = views[channel] {
            let age = now - known.at
            if age < Self.justNow || (age < Self.freshFor && known.balance >= least) { return known }
        }
        guard standing.ok else { throw ChainTrouble.silent(standing.reason) }
        let held = try await client.channel(channel, .finalized)
        let since = try await client.withdrawal(channel, .latest)
        guard let balance = held.balance.exactInt64, let claimed = held.claimed.exactInt64 else {
            throw ChainTrouble.unreadable("a channel holds more than any can")
        }
        let view = ChannelView(balance: balance, claimed: claimed, isLeaving: since > 0, at: now)
        views[channel] = view
        return view
    }

    /// Claims what is due where it is time.
    func claimDue() async throws {
        try await ledger.releaseStale(chain.rail, at: now)
        for (channel, _, balance) in try await ledger.channels(at: now)
        where channel.side == .payee && channel.rail == chain.rail && balance > 0 {
            guard let due = try await ledger.claimable(channel),
                chain.tokens.contains(where: { $0.asset == channel.asset })
            else { continue }
            do {
                let view = try await view(of: channel.id)
                guard
                    rule.claims(due: due.due, oldest: due.oldest, isLeaving: view.isLeaving, now: now)
                else { continue }
                try await claim(channel, due.due, due.total, due.voucher, number: due.tries + 1)
            } catch let trouble as ChainTrouble {
                awaited["claim:\(channel.id.hex)"] = trouble.description
            }
        }
    }

    private func claim(
        _ channel: PaymentChannel, _ due: Int64, _ total: Int64, _ voucher: SignedVoucher, number: Int
    ) async throws {
        let terms = ChannelClaimTerms(
            amount: due, total: total, voucher, channel, validBefore: now / 1000 + chain.validSeconds)
        _ = try await ledger.ask(
            Ledger.PaymentDraft(
                id: "claim/\(channel.id.hex)/\(number)", rail: chain.rail, asset: channel.asset, amount: due,
                payee: terms.payee, terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0,
                account: channel.account), at: now)
    }

    /// Opens a channel with a provider, or adds to it. The money is set aside when this returns.
    nonisolated func open(
        _ id: String, _ channel: PaymentChannel, _ token: EVMToken, amount: Int64, at now: Int64
    ) async throws -> OutgoingPayment {
        let terms = ChannelDepositTerms(
            id: id, amount: amount, channel, validBefore: now / 1000 + chain.validSeconds)
        return try await ledger.open(
            channel,
            Ledger.PaymentDraft(
                id: id, rail: chain.rail, asset: token.asset, amount: amount, payee: terms.payee,
                terms: try CanonicalJSON.encode(terms), perPayment: token.perPayment, perDay: token.perDay),
            at: now)
    }
}

extension Ledger {
    /// Writes a channel down and sets its deposit aside, in one transaction.
    func open(_ channel: PaymentChannel, _ draft: PaymentDraft, at: Int64) async throws -> OutgoingPayment {
        try await writing { writer in
            if let known = try Self.channel(channel.id, writer.db) {
                guard known.side == .payer, known.peer == channel.peer else {
                    throw WireError(.conflict, "The channel is one in which this node is paid.")
                }
            } else {
                try Self.insert(channel, writer)
            }
            return try Self.ask(draft, at: at, writer)
        }
    }
}
