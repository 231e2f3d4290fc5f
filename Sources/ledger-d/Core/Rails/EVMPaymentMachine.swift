// What is done next with one payment on an EVM chain, as a pure decision: what is stored and what the chain is said to
// hold in, one action out. It must never give money back while anything signed could still pay it, nor pay on one word.

import EVM
import NodeModel

struct EVMPaymentMachine: Sendable {
    /// How long a transaction may wait before it is offered again, and before its fee is raised, in seconds.
    static let patience: Int64 = 20
    static let raiseAfter: Int64 = 60
    /// How far behind the chain's clock ours may be when an authorization has run out, in seconds.
    static let grace: Int64 = 600
    /// How often one payment is signed at most: each has a cost, and a liar could ask for another for ever.
    static let mostLetters = 12

    /// What a receipt comes to, once it is read.
    struct Seen: Hashable, Sendable {
        var hash: [UInt8]
        var block: UInt64
        /// Whether its logs show this very payment, and its block is the chain's.
        var pays: Bool
    }

    /// What the chain is said to hold.
    struct View: Sendable {
        var finalNumber: UInt64
        /// Unix seconds.
        var finalTime: UInt64
        /// In wei for each unit of gas.
        var baseFee: UInt64
        var tip: UInt64
        /// Transactions of this account that are in blocks.
        var count: UInt64
        var coins: UInt256
        /// Of the token, in this account.
        var tokens: UInt256
        /// Whether the token has let the authorization pass: for good, and as of now.
        var usedFinally: Bool
        var usedNow: Bool
        var seen: [Seen]
        /// Nonces that letters of other payments under way have.
        var taken: Set<UInt64> = []
        /// Seconds since the last letter was offered; nil when this process has not offered it.
        var offeredAgo: Int64?
    }

    enum Action: Hashable, Sendable {
        case sign(nonce: UInt64, tip: UInt64, fee: UInt64)
        case hand(Int)
        case answered(String)
        case settle([UInt8])
        case fail(String)
        case wait(String)
    }

    let chain: EVMChain
    let letters: [Letter]
    let amount: UInt64
    /// Unix seconds.
    let validBefore: Int64
    /// What it may use of the chain's work.
    let gas: UInt64
    /// Whether it is signed again when a block has it and it moved nothing.
    let isAgain: Bool

    init(
        chain: EVMChain, letters: [Letter], amount: UInt64, validBefore: Int64, gas: UInt64? = nil,
        isAgain: Bool = false
    ) {
        self.isAgain = isAgain
        self.chain = chain
        self.letters = letters
        self.amount = amount
        self.validBefore = validBefore
        self.gas = gas ?? chain.gasLimit
    }

    /// - Parameters:
    ///   - fees: of the last letter; nil when there is none.
    ///   - now: Unix seconds.
    func next(_ view: View, fees: (tip: UInt64, fee: UInt64)?, now: Int64) -> Action {
        // First what has happened, whatever we remember: a restored backup may know of no letter.
        if view.usedFinally {
            if let paid = view.seen.first(where: { $0.pays && $0.block <= view.finalNumber }) {
                return .settle(paid.hash)
            }
            return .wait("the transaction in which the token moved the money")
        }
        guard let last = letters.last, let fees else { return unsigned(view, now) }
        if now > validBefore + Self.grace, view.finalTime > UInt64(clamping: validBefore) {
            return view.usedNow
                ? .wait("the block that paid to become final") : .fail("the authorization ran out unused")
        }
        if let paid = view.seen.first(where: \.pays) {
            return .answered("in block \(paid.block), which is not final yet")
        }
        if view.usedNow { return .wait("the transaction in which the token moved the money") }
        if let other = view.seen.first {
            if isAgain, now < validBefore - 60 { return again(view, at: free(view), fees, now) }
            return .answered(
                "block \(other.block) has it, but it moved nothing; the money comes back in time")
        }
        if now >= validBefore - 30 {
            return .wait("the end of what was signed, and then the money comes back")
        }
        if !last.wasHanded { return .hand(last.number) }
        guard let pending = letters.last(where: { $0.place >= view.count }) else {
            // Its place went to something else; the authorization did not.
            return again(view, at: free(view), fees, now)
        }
        if pending.place > view.count, !(view.count..<pending.place).allSatisfy(view.taken.contains) {
            // An earlier answer was wrong: the chain waits for a transaction that nobody signed.
            return again(view, at: free(view), fees, now)
        }
        if now - last.at / 1000 > Self.raiseAfter, pending.number == last.number,
            let (tip, fee) = raised(fees, view)
        {
            return letters.count < Self.mostLetters
                ? .sign(nonce: pending.place, tip: tip, fee: fee) : .wait("a block that has it")
        }
        if (view.offeredAgo ?? .max) > Self.patience { return .hand(last.number) }
        return .wait("a block that has it")
    }

    /// How a wait begins that ends when a person puts some of the chain's coin into the account.
    static func fee(in coin: String) -> String { "\(coin) for the fee" }

    private func unsigned(_ view: View, _ now: Int64) -> Action {
        if view.usedNow { return .wait("the block that paid to become final") }
        let obstacle: String?
        let fees = first(view)
        if view.tokens < UInt256(amount) {
            obstacle = "the account to hold \(amount) on the chain; it holds \(view.tokens)"
        } else if let fees, let cost = UInt256(fees.fee).multiplied(by: gas), view.coins < cost {
            obstacle = "\(Self.fee(in: chain.coin)): \(cost) wei; the account holds \(view.coins)"
        } else if fees == nil {
            obstacle = "the chain's fee to fall to \(chain.highestFee / 1_000_000_000) gwei"
        } else {
            obstacle = nil
        }
        // Nothing was ever signed, so that giving back is safe at once.
        if now >= validBefore - 60 {
            return .fail("was not signed in time: it awaited \(obstacle ?? "the chain")")
        }
        if let obstacle { return .wait(obstacle) }
        guard let fees else { return .wait("the chain's fee") }
        return .sign(nonce: free(view), tip: fees.tip, fee: fees.fee)
    }

    /// The same authorization once more, in another place. A short pause keeps a liar from asking for it all the time.
    private func again(
        _ view: View, at nonce: UInt64, _ fees: (tip: UInt64, fee: UInt64), _ now: Int64
    ) -> Action {
        guard letters.count < Self.mostLetters, now - (letters.last?.at ?? 0) / 1000 > Self.patience,
            let fees = first(view)
        else { return .wait("the chain to say what became of the last transaction") }
        return .sign(nonce: nonce, tip: fees.tip, fee: fees.fee)
    }

    private func free(_ view: View) -> UInt64 {
        var nonce = view.count
        while view.taken.contains(nonce) { nonce += 1 }
        return nonce
    }

    /// Twice the base fee, so that it may double before the transaction is too cheap; nil beyond the ceiling.
    private func first(_ view: View) -> (tip: UInt64, fee: UInt64)? {
        let tip = min(max(view.tip, chain.lowestTip), chain.highestFee)
        guard view.baseFee <= chain.highestFee - tip else { return nil }
        return (tip, min(chain.highestFee, 2 * view.baseFee + tip))
    }

    /// An eighth more, as nodes ask of a replacement; nil where that would pass the ceiling.
    private func raised(_ old: (tip: UInt64, fee: UInt64), _ view: View) -> (tip: UInt64, fee: UInt64)? {
        let (tip, fee) = (old.tip + old.tip / 8 + 1, old.fee + old.fee / 8 + 1)
        let wanted = first(view)
        let better = (tip: max(tip, wanted?.tip ?? 0), fee: max(fee, wanted?.fee ?? 0))
        return better.fee <= chain.highestFee && better.tip <= better.fee ? better : nil
    }
}
