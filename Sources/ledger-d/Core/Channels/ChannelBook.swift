// What may be promised and taken on one channel, as a pure decision: the book's numbers in, a ceiling or a refusal out.
// It must never let a ceiling fall, nor let more lie open than the payer means to risk.

import NodeModel
import Wire

/// The numbers of one channel, over its whole life.
struct ChannelBook: Hashable, Sendable {
    /// The sum of all receipts.
    var charged: Int64 = 0
    /// What jobs under way may cost at most.
    var open: Int64 = 0
    /// How much of that vouchers cover so far.
    var covered: Int64 = 0
    /// The highest ceiling that was signed, or taken.
    var highest: Int64 = 0

    /// How long a promise is kept in mind when no receipt comes, in milliseconds: longer than any receipt is taken.
    static let payerPatience: Int64 = 26 * 3_600_000
    static let payeePatience: Int64 = 2 * 3_600_000

    /// The ceiling of the voucher that goes with a job, or with the next piece of its answer. The job itself is not in the
    /// book's numbers.
    ///
    /// - Parameters:
    ///   - amount: up to which the job is to be covered.
    ///   - whole: the most that it may cost.
    ///   - stated: what the payee says must be covered besides, when it refused less.
    ///   - deposited: what was put into the channel and not taken back, over its whole life.
    ///   - atRisk: the most that may lie between what is signed and what was verified.
    func promise(
        _ amount: Int64, of whole: Int64, stated: Int64, deposited: Int64, atRisk: Int64
    ) throws(WireError) -> Int64 {
        guard (1...Deed.largestAmount).contains(whole), (1...whole).contains(amount),
            (0...Deed.largestAmount).contains(stated)
        else {
            throw WireError(.invalidParams, "The amount of a voucher is beyond all bounds.")
        }
        let ceiling = max(highest, max(charged + covered, stated) + amount)
        guard ceiling - charged <= atRisk else {
            throw WireError(
                .policyRefused,
                "A voucher of \(ceiling) would leave \(ceiling - charged) in this provider's hands without a "
                    + "receipt, more than the ceiling of \(atRisk).",
                fix: "Raise ledger.channels.max_at_risk, or use another provider.")
        }
        // What is begun can be paid to its end.
        let due = max(ceiling, max(charged + open, stated) + whole)
        guard due <= deposited else {
            throw WireError(
                .paymentRequired,
                "The channel with this provider holds \(deposited), and vouchers of up to \(due) are due.",
                fix: "Put more into it: 'infernetctl wallet channel'.")
        }
        return ceiling
    }

    /// Refuses a voucher that does not cover a job.
    ///
    /// - Parameters:
    ///   - ceiling: of the voucher.
    ///   - amount: up to which the job must be covered before it begins.
    ///   - balance: what the chain says that the channel holds, over its whole life.
    /// - Returns: whether the voucher is a new one.
    func accept(_ ceiling: Int64, for amount: Int64, balance: Int64) throws(WireError) -> Bool {
        guard ceiling >= highest else {
            throw WireError(
                .paymentRequired, "The voucher's ceiling is \(ceiling); one of \(highest) was taken before.")
        }
        try cover(ceiling, amount)
        guard ceiling <= balance else { throw Self.beyond(ceiling, balance) }
        return ceiling > highest
    }

    /// Refuses a voucher for the next piece of an answer that does not cover it. The job itself is not in the book's numbers.
    /// One that is below the highest does: those of two jobs may overtake each other, and what counts is the highest.
    ///
    /// - Returns: whether the voucher is a new one.
    func acceptNext(_ ceiling: Int64, for amount: Int64, balance: Int64) throws(WireError) -> Bool {
        try cover(max(ceiling, highest), amount)
        guard ceiling > highest else { return false }
        guard ceiling <= balance else { throw Self.beyond(ceiling, balance) }
        return true
    }

    private func cover(_ ceiling: Int64, _ amount: Int64) throws(WireError) {
        guard ceiling >= charged + covered + amount else {
            throw WireError(
                .paymentRequired,
                "The voucher's ceiling is \(ceiling); \(charged + covered) are charged or covered for others, and "
                    + "\(amount) are to be covered for this job.")
        }
    }

    private static func beyond(_ ceiling: Int64, _ balance: Int64) -> WireError {
        WireError(
            .paymentRequired,
            "The voucher's ceiling is \(ceiling); the chain says that the channel holds \(balance).")
    }

    /// Takes one job out of the numbers.
    mutating func leave(out pledge: Ledger.Pledge) {
        open -= min(pledge.amount, open)
        covered -= min(pledge.covered, covered)
    }

    /// What a payer is told to cover besides the next job, so that its voucher will be taken.
    func due(besides amount: Int64) -> Int64 { max(charged + covered, highest - amount) }
}

/// When a payee claims.
struct ClaimRule: Hashable, Sendable {
    /// Claim at so much, in the token's smallest unit.
    var amount: Int64
    /// Claim what was charged so long ago, in seconds.
    var after: Int64

    /// - Parameters:
    ///   - due: what was charged and not claimed.
    ///   - oldest: when the first of it was charged; Unix milliseconds.
    ///   - isLeaving: whether the payer wants its money back.
    ///   - now: Unix milliseconds.
    func claims(due: Int64, oldest: Int64, isLeaving: Bool, now: Int64) -> Bool {
        due > 0 && (isLeaving || due >= amount || now - oldest >= after * 1000)
    }
}
