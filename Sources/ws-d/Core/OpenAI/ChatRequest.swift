// The body of POST /v1/chat/completions, read strictly: every parameter is understood, ignored by name, or refused.
// It must never drop a parameter that would have changed the answer.

import NodeModel
import Wire

/// A chat completion that a client asks for.
struct ChatRequest: AnswerRequest, Equatable {
    var inference: InferenceRequest
    var stream: Bool
    /// Whether the stream ends with a chunk that carries the token counts.
    var includeUsage: Bool

    var route: Route { .chat }
    /// Where its prompt stands.
    static let prompt = "messages"
    var prompt: String { Self.prompt }

    /// The longest name of a model, in bytes.
    static let maximumModelLength = 256

    /// What cannot change the answer here: who asks, how it is stored, how it is cached.
    private static let harmless: Set<String> = [
        "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention",
    ]
    /// What OpenAI knows and we cannot do; refused unless it says nothing.
    private static let unsupported: Set<String> = [
        "functions", "function_call", "audio", "prediction",
        "web_search_options",
        "reasoning_effort", "verbosity", "moderation",
    ]

    /// Reads a body.
    static func parse(_ body: UnsafeRawBufferPointer) throws(APIError) -> ChatRequest {
        var builder = Builder()
        for member in try RequestBody.members(body) { try builder.take(member.key, member.value) }
        return try builder.finish()
    }

    func form(job: JobID?, created: Int64) -> any AnswerForm {
        CompletionWriter(
            job: job, created: created, model: inference.model, includeUsage: includeUsage,
            tools: inference.tools != nil)
    }

    /// What was read so far.
    private struct Builder {
        var model: String?
        var messages: [ChatMessage]?
        var sampling = Sampling()
        var format: AnswerFormat?
        var tools = ChatTools()
        var logprobs: Bool?
        var topLogprobs: Int?
        var stream = false
        var streamOptions: Bool?
        var maxTokens: Int?
        var maxCompletionTokens: Int?

        mutating func take(_ key: String, _ value: JSONTree) throws(APIError) {
            if value == .null, key != "model", key != "messages" { return }
            let field = ChatField(name: key, value: value)
            switch key {
            case "model": model = try field.text(maximum: maximumModelLength)
            case "messages": messages = try ChatMessages.read(value)
            case "temperature": sampling.temperature = try field.number(0...2)
            case "top_p": sampling.topP = try field.number(0...1)
            case "presence_penalty": sampling.presencePenalty = try field.number(-2...2)
            case "frequency_penalty": sampling.frequencyPenalty = try field.number(-2...2)
            case "seed": sampling.seed = try field.integer()
            case "max_tokens": maxTokens = Int(try field.integer(1...10_000_000))
            case "max_completion_tokens": maxCompletionTokens = Int(try field.integer(1...10_000_000))
            case "stop": sampling.stop = try field.stops()
            case "n":
                guard try field.integer() == 1 else {
                    throw .unsupported("n", "this node gives one choice; leave it out or send 1.")
                }
            case "response_format": format = try ResponseFormat().read(value)
            case "tools", "tool_choice", "parallel_tool_calls": try tools.take(field)
            case "logprobs": logprobs = try field.flag()
            case "top_logprobs": topLogprobs = Int(try field.integer(0...20))
            case "logit_bias": sampling.logitBias = try field.biases()
            case "stream": stream = try field.flag()
            case "stream_options": streamOptions = try field.includeUsage()
            default: try other(field)
            }
        }

        private func other(_ field: ChatField) throws(APIError) {
            let name = field.name
            if harmless.contains(name) || (unsupported.contains(name) && field.value.isNothing) { return }
            switch (name, field.value) {
            case ("modalities", .array(let kinds)): if kinds == [.string("text")] { return }
            case ("modalities", _): break
            default:
                if !unsupported.contains(name) {
                    throw APIError(
                        400, "Unrecognized request argument supplied: '\(name.prefix(64))'.",
                        param: String(name.prefix(64)), code: "unsupported_parameter")
                }
            }
            throw .unsupported(name)
        }

        func finish() throws(APIError) -> ChatRequest {
            guard let model else { throw .missing("model") }
            guard let messages else { throw .missing("messages") }
            if let a = maxTokens, let b = maxCompletionTokens, a != b {
                throw .value(
                    "max_tokens", "'max_completion_tokens' says something else; send one of the two.")
            }
            if streamOptions != nil, !stream {
                throw .value("stream_options", "it is only allowed when 'stream' is true.")
            }
            var sampling = sampling
            sampling.maxTokens = maxCompletionTokens ?? maxTokens
            let tools = try tools.finish()
            if let most = topLogprobs, most > 0, logprobs != true {
                throw .value("top_logprobs", "it is only allowed when 'logprobs' is true.")
            }
            if logprobs == true {
                guard tools == nil else {
                    throw .unsupported("logprobs", "this node does not tell them of answers with 'tools'.")
                }
                sampling.logprobs = topLogprobs ?? 0
            }
            return ChatRequest(
                inference: InferenceRequest(
                    model: model, messages: messages, sampling: sampling, format: format, tools: tools),
                stream: stream,
                includeUsage: streamOptions ?? false)
        }
    }
}
