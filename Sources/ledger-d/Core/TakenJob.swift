// A stranger's job that this node has taken: the terms, and what they allow its key to do.
// It must never be altered once written: a receipt is signed on the terms that were agreed, or not at all.

import NodeModel
import Wire

/// The terms of one job, as the ledger keeps them.
struct TakenJob: Codable, Hashable, Sendable {
    /// How long after it was taken a job's content key is still opened, in seconds: no job runs longer.
    static let openFor: Int64 = 3_600

    var job: JobID
    var client: PublicKey
    var modelRoot: ContentRoot
    var unitPrice: UnitPrice
    /// The longest answer, in tokens.
    var maxTokens: Int
    /// The id of the quote that it was taken on, where it costs money.
    var quote: Digest?

    enum CodingKeys: String, CodingKey {
        case job, client, quote
        case modelRoot = "model_root"
        case unitPrice = "unit_price"
        case maxTokens = "max_tokens"
    }

    /// Whether a receipt is one for this job, on these terms.
    func check(_ body: ReceiptBody) throws(WireError) {
        let broken: String? =
            if body.modelRoot != modelRoot {
                "it names another model"
            } else if body.unitPrice != unitPrice {
                "its unit price is another"
            } else if body.usage.completionTokens > Int64(maxTokens) {
                "it counts \(body.usage.completionTokens) tokens, and \(maxTokens) were agreed on"
            } else { nil }
        if let broken {
            throw WireError(
                .policyRefused,
                "ledger-d does not sign this receipt: it is not on the terms of \(job): \(broken).")
        }
    }
}
