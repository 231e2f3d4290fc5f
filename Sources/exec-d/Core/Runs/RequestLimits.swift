// Which requests are run at all: roles, ranges, sizes. The engine's side of the checks, whoever checked before.
// It must never change a request: what was asked is what the receipt will say.

import NodeConfig
import NodeModel
import Wire

/// The limits of this node, in OpenAI's words where it has them.
struct RequestLimits: Hashable, Sendable {
    static let roles = ["system", "user", "assistant", "developer", "tool"]
    static let mostStops = 4
    static let mostMessages = 4_096
    static let mostLikeliest = 20
    static let mostBiases = 300

    /// All messages together, in bytes of UTF-8.
    let requestBytes: Int
    /// Tokens of an answer.
    let maxTokens: Int
    /// Tokens of a slot: prompt and answer together.
    let context: Int

    init(_ section: ExecSection) {
        requestBytes = section.maxRequestBytes
        maxTokens = section.maxTokens
        context = section.context
    }

    /// - Parameter agreed: the longest answer that was agreed on, in tokens.
    /// - Returns: the longest answer in tokens, all limits applied.
    /// - Throws: `invalid_request`, `too_large`.
    func check(_ request: InferenceRequest, agreed: Int) throws(WireError) -> Int {
        let tools = try request.tools.map { tools throws(WireError) in try ToolRules.check(tools) } ?? 0
        try checkMessages(request.messages, besides: tools)
        try checkFormat(request.format)
        guard request.tools == nil || request.sampling.logprobs == nil else {
            throw refusal("'logprobs' are not told of an answer with 'tools'.")
        }
        try checkSampling(request.sampling)
        guard agreed > 0 else { throw refusal("'max_tokens' must be at least 1, not \(agreed).") }
        return min(request.sampling.maxTokens ?? maxTokens, agreed, maxTokens, context)
    }

    private func checkMessages(_ messages: [ChatMessage], besides: Int) throws(WireError) {
        guard !messages.isEmpty else { throw refusal("'messages' must have at least one message.") }
        guard messages.count <= Self.mostMessages else {
            throw refusal(
                "'messages' must have at most \(Self.mostMessages) messages, not \(messages.count).")
        }
        do throws(ConversationFault) { try ConversationRules.check(messages) } catch {
            throw refusal("Invalid '\(error.place)': \(error.why)")
        }
        var bytes = besides
        for (index, message) in messages.enumerated() {
            guard Self.roles.contains(message.role) else {
                let known = Self.roles.map { "'\($0)'" }.joined(separator: ", ")
                // The role is not repeated: it is as private as the rest of the message.
                throw refusal("Invalid value for 'messages[\(index)].role'. Supported values are: \(known).")
            }
            bytes += message.content.utf8.count + message.role.utf8.count
            for call in message.calls ?? [] { bytes += call.name.utf8.count + call.arguments.utf8.count }
        }
        guard bytes <= requestBytes else {
            throw WireError(
                .tooLarge,
                "Messages and functions have \(bytes) bytes together, and \(requestBytes) is this node's limit.",
                fix: "Send fewer or shorter messages, or raise exec.max_request_bytes.")
        }
    }

    private func checkFormat(_ format: AnswerFormat?) throws(WireError) {
        guard case .schema(let schema)? = format else { return }
        do throws(SchemaRules.Refusal) { try SchemaRules.check(schema) } catch {
            throw refusal(error.message)
        }
    }

    private func checkSampling(_ sampling: Sampling) throws(WireError) {
        try check(sampling.temperature, "temperature", 0...2)
        try check(sampling.topP, "top_p", 0...1)
        try check(sampling.presencePenalty, "presence_penalty", -2...2)
        try check(sampling.frequencyPenalty, "frequency_penalty", -2...2)
        if let most = sampling.maxTokens, most < 1 {
            throw refusal("Invalid 'max_tokens': must be at least 1, not \(most).")
        }
        if let likeliest = sampling.logprobs, !(0...Self.mostLikeliest).contains(likeliest) {
            throw refusal("Invalid 'top_logprobs': must be between 0 and \(Self.mostLikeliest).")
        }
        if let bias = sampling.logitBias { try check(bias: bias) }
        guard let stops = sampling.stop else { return }
        guard stops.count <= Self.mostStops else {
            throw refusal(
                "Invalid 'stop': at most \(Self.mostStops) sequences are supported, not \(stops.count).")
        }
        guard stops.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 256 }) else {
            throw refusal("Invalid 'stop': a sequence has 1 to 256 bytes.")
        }
    }

    private func check(bias: [String: Double]) throws(WireError) {
        guard bias.count <= Self.mostBiases else {
            throw refusal("Invalid 'logit_bias': at most \(Self.mostBiases) tokens, not \(bias.count).")
        }
        for (token, value) in bias {
            // The engine would take any other text apart into tokens.
            guard let id = Int32(token), id >= 0, String(id) == token else {
                throw refusal("Invalid 'logit_bias': its keys are tokens' numbers.")
            }
            try check(value, "logit_bias", -100...100)
        }
    }

    private func check(_ value: Double?, _ name: String, _ range: ClosedRange<Double>) throws(WireError) {
        guard let value else { return }
        // NaN is in no range, so it is refused here too.
        guard range.contains(value) else {
            throw refusal(
                "Invalid '\(name)': must be between \(Int(range.lowerBound)) and \(Int(range.upperBound)).")
        }
    }

    private func refusal(_ message: String) -> WireError { WireError(.invalidRequest, message) }
}
