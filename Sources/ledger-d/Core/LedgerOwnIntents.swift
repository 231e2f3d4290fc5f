// The intents for jobs of this node on its own engine, in which nobody else has a part.
// It must never sign for a job whose client or provider is another key.

import Interfaces
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    /// Signs, accepts and books an own job, once.
    func bookOwn(_ body: ReceiptBody) async throws -> LedgerInterface.BookOwn.Reply {
        let template = try policy.ownReceipt(body, now: now)
        let (key, acceptedAt) = (key, now)
        let signing = Ledger.OwnSigning(
            receipt: { try key.sign(template) },
            acceptance: {
                try key.sign(Acceptance.template(receipt: $0, body: body, acceptedAt: acceptedAt))
            })
        let outcome = try await booking(.own) {
            try await ledger.bookOwn(
                body, receiptID: Hex.encode(template.computedID()), at: clock(), signing: signing)
        }
        return LedgerInterface.BookOwn.Reply(
            bundle: ReceiptBundle(receipt: outcome.receipt, acceptance: outcome.acceptance),
            repeated: outcome.repeated)
    }

    /// What is booked of own jobs.
    func findOwn(_ jobs: [JobID]) async throws -> LedgerInterface.FindOwn.Reply {
        guard jobs.count <= LedgerInterface.FindOwn.most else {
            throw WireError(
                .invalidParams, "\(jobs.count) jobs are more than \(LedgerInterface.FindOwn.most).")
        }
        return LedgerInterface.FindOwn.Reply(bundles: try await ledger.own(jobs, of: key.publicKey))
    }
}
