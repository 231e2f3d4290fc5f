// The body of POST /v1/responses, read strictly: every parameter is understood, ignored by name, or refused.
// It must never drop a parameter that would have changed the answer.

import NodeModel
import Wire

/// A response that a client asks for.
struct ResponsesRequest: AnswerRequest, Equatable {
    var inference: InferenceRequest
    var stream: Bool
    /// What the response says of its request.
    var echo: ResponsesEcho

    var route: Route { .responses }
    var prompt: String { "input" }

    /// What cannot change the answer here: who asks, how it is cached, how much of what we never do may be done.
    private static let harmless: Set<String> = [
        "user", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "prompt_cache_options", "store", "max_tool_calls",
    ]
    /// What OpenAI knows and we cannot do; refused unless it says nothing.
    private static let unsupported: [String: String] = [
        "previous_response_id": "this node keeps no answers; send the whole conversation as 'input'.",
        "conversation": "this node keeps no conversations; send the whole one as 'input'.",
        "background": "this node keeps no answers; ask for a stream.",
        "prompt": "this node keeps no prompts; send the text as 'instructions' and 'input'.",
        "context_management": "this node leaves nothing out of a conversation; shorten 'input'.",
        "moderation": "this node does not moderate; leave it out.",
        "image": "this node's answers are text; leave it out.",
        "access_programs": "this node has none; leave it out.",
    ]

    /// Reads a body.
    static func parse(_ body: UnsafeRawBufferPointer) throws(APIError) -> ResponsesRequest {
        var builder = Builder()
        for member in try RequestBody.members(body) { try builder.take(member.key, member.value) }
        return try builder.finish()
    }

    func form(job: JobID?, created: Int64) -> any AnswerForm {
        ResponsesWriter(job: job, created: created, model: inference.model, echo: echo)
    }

    /// What was read so far.
    private struct Builder {
        var model: String?
        var input: JSONTree?
        var sampling = Sampling()
        var format: AnswerFormat?
        var tools = ChatTools(isFlat: true)
        var topLogprobs: Int?
        var tellsLogprobs = false
        var stream = false
        var streamOptions = false
        var echo = ResponsesEcho()

        mutating func take(_ key: String, _ value: JSONTree) throws(APIError) {
            if value == .null, key != "model", key != "input" { return }
            let field = ChatField(name: key, value: value)
            switch key {
            case "model": model = try field.text(maximum: ChatRequest.maximumModelLength)
            case "input": input = value
            case "instructions":
                guard case .string(let text) = value else {
                    throw .type(key, expected: "a string", got: value)
                }
                echo.instructions = text
            case "temperature": sampling.temperature = try field.number(0...2)
            case "top_p": sampling.topP = try field.number(0...1)
            case "max_output_tokens": sampling.maxTokens = Int(try field.integer(1...10_000_000))
            case "text": try takeText(value)
            case "tools", "tool_choice", "parallel_tool_calls":
                try tools.take(field)
                if key == "tools" { echo.tools = value }
                if key == "tool_choice" { echo.toolChoice = value }
            case "include": tellsLogprobs = try ResponsesOptions.include(field)
            case "top_logprobs": topLogprobs = Int(try field.integer(0...20))
            case "stream": stream = try field.flag()
            case "stream_options":
                try ResponsesOptions.stream(field)
                streamOptions = true
            case "reasoning": try ResponsesOptions.reasoning(field)
            case "truncation": try ResponsesOptions.truncation(field)
            case "metadata":
                _ = try value.members(key)
                echo.metadata = value
            default: try other(field)
            }
        }

        private mutating func takeText(_ value: JSONTree) throws(APIError) {
            let fields = try value.members("text")
            try fields.only(["format", "verbosity"], of: "text")
            if let verbosity = fields["verbosity"], verbosity != .null, verbosity != .string("medium") {
                throw .unsupported("text.verbosity", "say in 'instructions' how long the answer should be.")
            }
            guard let form = fields["format"], form != .null else { return }
            format = try ResponseFormat(name: "text.format", isFlat: true).read(form)
            echo.format = form
        }

        private func other(_ field: ChatField) throws(APIError) {
            if harmless.contains(field.name) { return }
            guard let why = unsupported[field.name] else {
                let name = String(field.name.prefix(64))
                throw APIError(
                    400, "Unrecognized request argument supplied: '\(name)'.", param: name,
                    code: "unsupported_parameter")
            }
            if !field.value.isNothing { throw .unsupported(field.name, why) }
        }

        func finish() throws(APIError) -> ResponsesRequest {
            guard let model else { throw .missing("model") }
            guard let input else { throw .missing("input") }
            if streamOptions, !stream {
                throw .value("stream_options", "it is only allowed when 'stream' is true.")
            }
            let tools = try self.tools.finish()
            var sampling = sampling
            var echo = echo
            if let most = topLogprobs, most > 0, !tellsLogprobs {
                throw .value(
                    "top_logprobs",
                    "it is only allowed with '\(ResponsesOptions.likelihoods)' in 'include'.")
            }
            if tellsLogprobs {
                guard tools == nil else {
                    throw .unsupported("include", "this node tells no likelihoods of answers with 'tools'.")
                }
                sampling.logprobs = topLogprobs ?? 0
            }
            echo.sampling = sampling
            echo.parallel = self.tools.parallel
            return ResponsesRequest(
                inference: InferenceRequest(
                    model: model,
                    messages: try ResponsesInput.read(input, instructions: echo.instructions),
                    sampling: sampling, format: format, tools: tools), stream: stream, echo: echo)
        }
    }
}
