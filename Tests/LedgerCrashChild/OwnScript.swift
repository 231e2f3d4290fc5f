// What the kill matrix of own jobs does: two jobs of the node on its own engine are booked, the first one twice.
// It must never draw anything by chance but signatures: what is asked again after a kill is the same question.

import NodeModel
import Nostr
import Wire

@testable import LedgerCore

enum OwnScript {
    /// When the jobs ended, in Unix seconds.
    static let ended: Int64 = 1_790_000_000

    /// The receipt of a job of this number.
    static func body(_ number: Int, _ node: PublicKey) throws -> ReceiptBody {
        guard let job = JobID("job_0199d0c2a4b5000000000000000000" + Hex.encode([UInt8(number)])) else {
            throw WireError(.internalError, "a job id was not accepted")
        }
        let root = Digest(hashing: "model")
        return ReceiptBody(
            job: job, provider: node, client: node, model: "tiny", modelRoot: root,
            image: "sha256:" + root.hex, requestHash: Digest(hashing: "request"),
            resultHash: Digest(hashing: "answer"), usage: Usage(promptTokens: 30, completionTokens: 12),
            timings: StageTimings(), finish: .stop, unitPrice: UnitPrice(prompt: 1, completion: 2), price: 54,
            finishedAt: ended)
    }

    /// Books one of them, as the daemon does.
    @discardableResult
    static func book(_ number: Int, in ledger: Ledger, _ key: SecretKey, now: Int64) async throws
        -> Ledger.Outcome
    {
        let body = try body(number, key.publicKey)
        let template = try body.template()
        return try await ledger.bookOwn(
            body, receiptID: Hex.encode(template.computedID()), at: now,
            signing: Ledger.OwnSigning(
                receipt: { try key.sign(template) },
                acceptance: {
                    try key.sign(Acceptance.template(receipt: $0, body: body, acceptedAt: now / 1000))
                }))
    }

    @Sendable static func run(
        _ directory: String, now: Int64, key: SecretKey, _ reach: @escaping @Sendable () -> Void
    ) async throws {
        let ledger = try Ledger(path: directory + "/" + Ledger.fileName, key: key) { _ in reach() }
        for number in [1, 2, 1] { try await book(number, in: ledger, key, now: now) }
    }
}
