// Compares a receipt with what this node asked for, on which terms, and what it got. Pure.
// It must never accept a number because it is small: every field is compared or bounded.

import NodeModel
import Wire

/// What a receipt must say.
struct ReceiptCheck: Sendable {
    var job: JobID
    var provider: PublicKey
    var client: PublicKey
    var modelRoot: ContentRoot
    var request: InferenceRequest
    var requestHash: Digest
    var unitPrice: UnitPrice
    /// Tokens.
    var maxTokens: Int
    var answer: AnswerTally.Sum

    /// Tokens that a template may add to a prompt, and to each of its messages.
    static let templateTokens = 512
    static let messageTokens = 64
    /// Tokens of an answer that leave no text: its end, and what was held back.
    static let silentTokens = 16
    /// Tokens more where a form was asked for: engines let a model write fences around JSON (```json), and take them off.
    static let fenceTokens = 16

    /// The body of a receipt that says all that.
    /// - Throws: `verification_failed`, naming the first thing that is wrong.
    func verify(_ event: SignedEvent) throws(WireError) -> ReceiptBody {
        let body: ReceiptBody
        do { body = try ReceiptBody(event) } catch { throw Self.failed("\(error)") }
        try expect(body.provider == provider, "it is signed by \(body.provider), not by the chosen provider")
        try expect(body.client == client, "it is made out to \(body.client)")
        try expect(body.job == job, "it is for \(body.job)")
        try expect(body.modelRoot == modelRoot, "another model ran: \(body.modelRoot)")
        try expect(body.requestHash == requestHash, "it is for another request")
        try expect(body.resultHash == answer.hash, "its result is not the answer that was received")
        try expect(body.unitPrice == unitPrice, "its unit price is not the one that was offered")
        try expect(body.priceIsRight, "its price is not the unit price times the tokens")
        try checkUsage(body.usage)
        return body
    }

    /// How many tokens of an answer may have left no byte. Every token but the last few leaves one; stop words are cut off but
    /// were generated.
    static func silentTokens(of request: InferenceRequest) -> Int {
        (request.sampling.stop ?? []).reduce(silentTokens) { $0 + $1.utf8.count }
            + (request.format == nil ? 0 : fenceTokens)
    }

    private func checkUsage(_ usage: Usage) throws(WireError) {
        try expect(usage.completionTokens >= Int64(answer.pieces), "it counts fewer tokens than pieces came")
        try expect(usage.completionTokens <= Int64(maxTokens), "it counts more tokens than were agreed on")
        try expect(
            usage.completionTokens <= Int64(answer.bytes + Self.silentTokens(of: request)),
            "it counts more tokens than the answer can have")
        let text = request.messages.reduce(0) { $0 + $1.content.utf8.count + $1.role.utf8.count }
        let longest = text + request.messages.count * Self.messageTokens + Self.templateTokens
        try expect(usage.promptTokens >= 1, "it counts no tokens in the prompt")
        try expect(usage.promptTokens <= Int64(longest), "it counts more tokens than the prompt can have")
    }

    private func expect(_ condition: Bool, _ problem: String) throws(WireError) {
        if !condition { throw Self.failed(problem) }
    }

    private static func failed(_ problem: String) -> WireError {
        WireError(
            .verificationFailed, "The receipt does not hold: \(problem).",
            fix: "Nothing was paid for it. Ask again; this provider is used last for a while.")
    }
}
