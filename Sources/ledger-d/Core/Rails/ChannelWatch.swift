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
    func view(of channel: Digest, _ asset: Asset, least: Int64 = 0) async throws -> ChannelView {
        if let known = views[channel] {
            let age = now - known.at
            if age < Self.justNow || (age < Self.freshFor && known.balance >= least) { return known }
        }
        let standing = standing(of: asset)
        guard standing.ok else { throw ChainTrouble.silent(standing.reason) }
        let before = forgotten
        let held = try await client.channel(channel, .finalized)
        let since = try await client.withdrawal(channel, .latest)
        guard let balance = held.balance.exactInt64, let claimed = held.claimed.exactInt64 else {
            throw ChainTrouble.unreadable("a channel holds more than any can")
        }
        let view = ChannelView(balance: balance, claimed: claimed, isLeaving: since > 0, at: now)
        // What was asked before a refund ended is not kept beyond this answer.
        if before == forgotten { views[channel] = view }
        return view
    }

    /// Has a channel asked about anew: a refund has ended.
    func forget(_ channel: Digest) {
        forgotten += 1
        views[channel] = nil
    }

    /// A channel that is to be claimed.
    private struct Due {
        var channel: PaymentChannel
        var amount: Int64
        var total: Int64
        var voucher: SignedVoucher
        var id: String
        var isLeaving: Bool

        var claimed: ClaimedChannel { ClaimedChannel(voucher, channel, total: total) }
    }

    /// The most channels of one transaction.
    static let mostClaims = 8
    /// How long a claim waits for the one that takes it along, in milliseconds: one bad channel spoils a transaction
    /// for all of them, and must not for long.
    static let alongPatience: Int64 = 180_000

    /// Claims what is due where it is time: several channels of one token together, which costs one fee. Whose payer wants
    /// its money back is claimed alone.
    func claimDue() async throws {
        try await ledger.releaseStale(chain.rail, at: now)
        let all = try await due()
        for one in all where one.isLeaving { try await claim(one) }
        for token in chain.tokens {
            var rest = all.filter { !$0.isLeaving && $0.channel.asset == token.asset }[...]
            while let leader = rest.popFirst() {
                let others = rest.prefix(Self.mostClaims - 1)
                rest = rest.dropFirst(others.count)
                try await claim(leader, others: others.map(\.claimed))
                for other in others { try await claim(other, leader: leader.id) }
            }
        }
    }

    private func due() async throws -> [Due] {
        var found: [Due] = []
        let asked = Set(try await ledger.openRefunds(chain.rail).map(\.channel.id))
        for (channel, _, balance) in try await ledger.channels(at: now)
        where channel.side == .payee && channel.rail == chain.rail && balance > 0 {
            guard let due = try await ledger.claimable(channel),
                chain.tokens.contains(where: { $0.asset == channel.asset }), doubts[channel.asset] == nil
            else { continue }
            do {
                let view = try await view(of: channel.id, channel.asset)
                guard
                    rule.claims(
                        due: due.due, oldest: due.oldest,
                        isLeaving: view.isLeaving || asked.contains(channel.id),
                        now: now)
                else { continue }
                found.append(
                    Due(
                        channel: channel, amount: due.due, total: due.total, voucher: due.voucher,
                        id: "claim/\(channel.id.hex)/\(due.tries + 1)",
                        // What the channel does not hold is no one else's trouble.
                        isLeaving: view.isLeaving || asked.contains(channel.id) || view.balance < due.total))
            } catch let trouble as ChainTrouble {
                awaited["claim:\(channel.id.hex)"] = trouble.description
            }
        }
        return found
    }

    private func claim(
        _ due: Due, others: [ClaimedChannel] = [], leader: String? = nil
    ) async throws {
        let terms = ChannelClaimTerms(
            amount: due.amount, total: due.total, due.voucher, due.channel,
            validBefore: now / 1000 + chain.validSeconds, others: others, leader: leader)
        _ = try await ledger.ask(
            Ledger.PaymentDraft(
                id: due.id, rail: chain.rail, asset: due.channel.asset, amount: due.amount,
                payee: terms.payee, terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0,
                account: due.channel.account), at: now)
    }

    /// Whether a claim is left to the one that takes it along.
    func goesAlong(_ payment: OutgoingPayment, _ errand: any EVMErrand, _ open: [OutgoingPayment]) -> Bool {
        guard let leader = (errand as? ChannelClaimTerms)?.leader, payment.letters.isEmpty,
            now - payment.at < Self.alongPatience, open.contains(where: { $0.id == leader })
        else { return false }
        awaited[payment.id] = "the claim that takes it along: \(leader)"
        return true
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
                terms: try CanonicalJSON.encode(terms), perPayment: token.perPayment, perDay: token.perDay,
                perPeer: token.perPeer),
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
