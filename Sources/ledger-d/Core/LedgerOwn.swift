// A job of this node on its own engine, in the books: receipt, acceptance and transfer in one transaction, and one flush.
// It must never leave other rows than a receipt that was signed first and accepted afterwards.

import GRDB
import NodeModel
import Wire

extension Ledger {
    /// What is signed for an own job. Both are called the first time only, in the transaction.
    struct OwnSigning: Sendable {
        let receipt: @Sendable () throws -> SignedEvent
        let acceptance: @Sendable (SignedEvent) throws -> SignedEvent
    }

    /// Signs, accepts and books an own job once. A replay gives what the first one gave; a receipt that was signed alone, by an
    /// earlier build or before a crash, is accepted as it stands.
    ///
    /// - Throws: `.conflict` when the job has another receipt.
    func bookOwn(
        _ body: ReceiptBody, receiptID: String, at: Int64, signing: OwnSigning
    ) async throws -> Outcome {
        let issue = Operation(kind: .issue, job: body.job, client: body.client, provider: body.provider)
        let own = Operation(kind: .own, job: body.job, client: body.client, provider: body.provider)
        do {
            return try await commits.write { writer in
                if let earlier = try Self.earlier(own, receiptID: receiptID, writer.db) { return earlier }
                let receipt: SignedEvent
                if let signed = try Self.earlier(issue, receiptID: receiptID, writer.db) {
                    receipt = signed.receipt
                } else {
                    receipt = try signing.receipt()
                    try Self.record(issue, (receipt, nil), at: at, writer)
                }
                let made = (receipt: receipt, acceptance: try signing.acceptance(receipt))
                try Self.record(own, made, at: at, writer)
                try Self.book(own, body, made, at: at, writer)
                return Outcome(receipt: made.receipt, acceptance: made.acceptance, repeated: false)
            }
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }

    /// What is booked of own jobs.
    func own(_ jobs: [JobID], of node: PublicKey) async throws -> [ReceiptBundle] {
        try await reading { db in
            try jobs.compactMap { job in
                let own = Operation(kind: .own, job: job, client: node, provider: node)
                return try Self.earlier(own, db).map {
                    ReceiptBundle(receipt: $0.receipt, acceptance: $0.acceptance)
                }
            }
        }
    }
}
