// What ties money to the account of this node's key: another key has another account, and could neither claim nor pay it.
// It must never overlook what is only promised: a voucher that comes later is signed for this key's account.

import Interfaces
import NodeModel
import Wire
import X402

extension LedgerDaemon {
    /// Refuses while anything on a chain belongs to the account of this key.
    func requireNothingTied() async throws {
        for (channel, book, balance) in try await ledger.channels(at: clock()) {
            let peer = channel.peer.hex.prefix(16)
            if channel.side == .payer {
                let leaving = try await ledger.balance(
                    of:
                        "paid:\(channel.rail):\(ChannelLeaveTerms.payee(ChannelLeaveTerms.asking, channel.id.hex))",
                    channel.asset)
                guard balance == 0, book.open == 0, leaving == 0 else {
                    throw Self.tied(
                        "the channel with the provider \(peer) holds \(balance + book.open + leaving)",
                        leaving > 0
                            ? "It was asked for, and comes after \(channel.config.withdrawDelay) s: wait for it."
                            : "Ask for it back: 'infernetctl wallet leave \(channel.peer.hex)', and wait until it is here."
                    )
                }
            } else if balance > 0 || book.open > 0 {
                throw Self.tied(
                    "\(balance) are due from the channel with the client \(peer), and \(book.open) may become due",
                    "Take no more work ('infernetctl drain'), let what is due be claimed (ledger.channels.claim_after_s: 0) "
                        + "and wait until it is here.")
            }
        }
        for credit in try await ledger.credits() {
            let left = credit.balance + credit.open + credit.returning
            let peer = credit.purse.peer.hex.prefix(16)
            guard left == 0 else {
                throw credit.purse.side == .payer
                    ? Self.tied(
                        "this node's credit with the provider \(peer) is \(left) msat",
                        "Have it back: 'infernetctl wallet credit back \(credit.purse.peer.hex)', and wait until it is here."
                    )
                    : Self.tied(
                        "this node owes the client \(peer) \(left) msat of credit",
                        "Take no more work ('infernetctl drain'), and have the client ask for it back.")
            }
        }
        if let held = try await ledger.heldCredits(at: clock()).first(where: {
            $0.awaiting != nil && $0.state != "drawn" || $0.balance > 0
        }) {
            throw Self.tied(
                "\(held.amount) msat are held for the purchase \(held.hash.hex.prefix(16))",
                "See 'infernetctl wallet credit', and wait until it is settled or back.")
        }
        guard try await ledger.openTurns(at: clock()) == 0 else {
            throw Self.tied(
                "what a stranger pays for is being made",
                "Take no more work ('infernetctl drain'), and try again.")
        }
        for rail in rails {
            if let payment = try await ledger.openPayments(rail.chain.rail).first {
                throw Self.tied(
                    "the payment '\(payment.id)' is under way",
                    "See 'infernetctl wallet payments', and wait for its end.")
            }
            for token in rail.chain.tokens {
                let held = try await ledger.balance(of: Operation.wallet, token.asset)
                guard held <= 0 else {
                    throw Self.tied(
                        "the account on \(rail.chain.name) holds \(held) of \(token.symbol)",
                        "Send it to where you want it: 'infernetctl wallet pay ADDRESS AMOUNT', and wait for its end."
                    )
                }
            }
        }
    }

    private static func tied(_ why: String, _ fix: String) -> WireError {
        WireError(
            .conflict,
            "The key is not rotated: \(why), which belongs to this key's account and not to the next one's.",
            fix: fix)
    }
}
