// What the ledger does once: its kinds, their ids, and the accounts that each moves money between.
// It must never give two different acts one id, nor one act two: replays are recognised by it alone.

import NodeModel

/// One operation on the ledger.
struct Operation: Hashable, Sendable {
    enum Kind: String, Sendable {
        /// This node signed a receipt; no money moves until its client has accepted.
        case issue
        /// This node accepted a provider's receipt.
        case spend
        /// A client accepted this node's receipt.
        case earn
        /// Client and provider are this node: the work is recorded, no money is earned or spent.
        case own

        /// Whether it appends a transfer.
        var movesMoney: Bool { self != .issue }
    }

    let kind: Kind
    let job: JobID
    let client: PublicKey
    let provider: PublicKey

    /// The id that makes it happen once. Job ids are drawn by clients, so that those of strangers carry their
    /// key: nobody can use up another's.
    var id: String {
        switch kind {
        case .issue, .earn: "\(kind.rawValue)/\(client.hex)/\(job)"
        case .spend, .own: "\(kind.rawValue)/\(job)"
        }
    }

    /// The account that receives (debit) and the one that gives (credit).
    ///
    /// Test credits move from wallet to wallet. Of other assets the money was set aside when the job was promised, and
    /// charged when its receipt was signed: here it only gets its name.
    func accounts(_ asset: Asset) -> (debit: String, credit: String)? {
        let isCredit = asset == .testCredit
        return switch kind {
        case .issue: nil
        case .spend: ("spend:\(provider.hex)", isCredit ? Self.wallet : "paid:\(spentBy)")
        case .earn: (isCredit ? Self.wallet : "rail:\(chargedTo)", "earn:\(client.hex)")
        case .own: ("own:used", "own:made")
        }
    }

    /// By what the books name the money of one job, on its way from a channel, and into one's due.
    var spentBy: String { "job:\(job)/\(provider.hex)" }
    var chargedTo: String { "job:\(client.hex)/\(job)" }

    /// What this node has: test credits may be owed, so that it may be negative.
    static let wallet = "wallet"
}
