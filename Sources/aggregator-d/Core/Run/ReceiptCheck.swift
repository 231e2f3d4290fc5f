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
    /// Tokens more where a form was asked for: engines let a model write fences around JSON (```json), and take them off. So much
    /// is also written around the words of an answer that might have been calls.
    static let fenceTokens = 16

    /// The body of a receipt that says all that.
    /// - Throws: `verification_failed`, naming the first thing that is wrong.
    func verify(_ event: SignedEvent) throws(WireError) -> ReceiptBody {
        let body: ReceiptBody
        do { body = try ReceiptBody(event) } catch { throw Self.failed("\(error)") }
        try verify(body)
        return body
    }

    /// The same of a body that nobody has signed yet.
    func verify(_ body: ReceiptBody) throws(WireError) {
        try expect(body.provider == provider, "it is signed by \(body.provider), not by the chosen provider")
        try expect(body.client == client, "it is made out to \(body.client)")
        try expect(body.job == job, "it is for \(body.job)")
        try expect(body.modelRoot == modelRoot, "another model ran: \(body.modelRoot)")
        try expect(body.requestHash == requestHash, "it is for another request")
        try expect(body.resultHash == answer.hash, "its result is not the answer that was received")
        try expect(body.unitPrice == unitPrice, "its unit price is not the one that was offered")
        try expect(body.priceIsRight, "its price is not the unit price times the tokens")
        try checkCalls(body.finish)
        try checkUsage(body.usage)
    }

    /// How many tokens of an answer may have left no byte. Every token but the last few leaves one; stop words are cut off but
    /// were generated.
    static func silentTokens(of request: InferenceRequest) -> Int {
        (request.sampling.stop ?? []).reduce(silentTokens) { $0 + $1.utf8.count }
            + (request.format == nil && request.tools == nil ? 0 : fenceTokens)
    }

    /// An answer that may be broken off says nothing more of its calls.
    private func checkCalls(_ finish: FinishReason) throws(WireError) {
        guard finish != .length else { return }
        try expect(
            (finish == .toolCalls) == (answer.calls > 0),
            "its end is not that of the answer that was received")
        try expect(
            answer.calls > 0 || request.tools?.demandsCall != true,
            "a call was asked for, and the answer has none")
    }

    private func checkUsage(_ usage: Usage) throws(WireError) {
        try expect(usage.completionTokens >= Int64(answer.pieces), "it counts fewer tokens than pieces came")
        try expect(usage.completionTokens <= Int64(maxTokens), "it counts more tokens than were agreed on")
        try expect(
            usage.completionTokens <= Int64(answer.weight + Self.silentTokens(of: request)),
            "it counts more tokens than the answer can have")
        let longest =
            Self.bytes(of: request) + Self.parts(of: request) * Self.messageTokens + Self.templateTokens
        try expect(usage.promptTokens >= 1, "it counts no tokens in the prompt")
        try expect(usage.promptTokens <= Int64(longest), "it counts more tokens than the prompt can have")
    }

    /// What of a request a prompt holds, in bytes. Functions and calls stand in it as JSON.
    private static func bytes(of request: InferenceRequest) -> Int {
        let messages = request.messages.reduce(0) { sum, message in
            sum + message.content.utf8.count + message.role.utf8.count
                + (message.calls ?? []).reduce(0) { $0 + $1.name.utf8.count + escaped($1.arguments) }
        }
        return (request.tools?.tools ?? []).reduce(messages) {
            $0 + $1.name.utf8.count + escaped($1.description ?? "") + ($1.parameters ?? "").utf8.count
        }
    }

    private static func escaped(_ text: String) -> Int {
        text.utf8.reduce(0) { sum, byte in
            switch byte {
            case 0x22, 0x5C, 0x09, 0x0A, 0x0D: sum + 2
            case 0..<0x20: sum + 6
            default: sum + 1
            }
        }
    }

    /// Messages, calls and functions: what something may be written around.
    private static func parts(of request: InferenceRequest) -> Int {
        request.messages.reduce(request.tools?.tools.count ?? 0) { $0 + 1 + ($1.calls?.count ?? 0) }
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
