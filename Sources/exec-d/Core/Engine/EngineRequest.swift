// The body that the engine is sent for a job: our request in llama-server's dialect of OpenAI's chat completions.
// It must never hold a field that the request does not have or the node does not decide.

import FoundationEssentials
import NodeModel
import Wire

/// `POST /v1/chat/completions`.
struct EngineRequest: Encodable, Hashable, Sendable {
    struct StreamOptions: Encodable, Hashable, Sendable {
        var include_usage = true
    }

    let messages: [ChatMessage]
    let max_tokens: Int
    let temperature: Double?
    let top_p: Double?
    let seed: Int64?
    let presence_penalty: Double?
    let frequency_penalty: Double?
    let stop: [String]?
    let stream = true
    let stream_options = StreamOptions()
    /// Whether what an earlier prompt left in the slot may be reused.
    let cache_prompt: Bool
    /// Whether each piece says how many tokens there are by then.
    let timings_per_token: Bool?
    let logprobs: Bool?
    let top_logprobs: Int?
    let logit_bias: [String: Double]?
    /// A model's thinking is part of its answer, as it was generated.
    let reasoning_format = "none"

    /// What the answer is held to; written beside the other fields, as a schema is text already.
    private let format: AnswerFormat?
    private let tools: ToolUse?

    private enum CodingKeys: String, CodingKey {
        case messages, max_tokens, temperature, top_p, seed, presence_penalty, frequency_penalty, stop, stream
        case stream_options, cache_prompt, reasoning_format, timings_per_token, logprobs, top_logprobs
        case logit_bias
    }

    /// - Parameters:
    ///   - maxTokens: the longest answer, all limits applied.
    ///   - stranger: whether another node asked. Its prompt neither profits from nor leaves traces in the time that
    ///     other people's prompts take.
    ///   - counted: whether the tokens are told with each piece.
    init(_ request: InferenceRequest, maxTokens: Int, stranger: Bool, counted: Bool = false) {
        timings_per_token = counted ? true : nil
        messages = ToolSheet.messages(of: request)
        max_tokens = maxTokens
        temperature = request.sampling.temperature
        top_p = request.sampling.topP
        seed = request.sampling.seed
        presence_penalty = request.sampling.presencePenalty
        frequency_penalty = request.sampling.frequencyPenalty
        stop = request.sampling.stop
        cache_prompt = !stranger
        logprobs = request.sampling.logprobs == nil ? nil : true
        // The engine tells nothing at all where it is to tell none of the likeliest.
        top_logprobs = request.sampling.logprobs.map { max(1, $0) }
        logit_bias = request.sampling.logitBias
        format = request.format
        tools = request.tools
    }

    func json() throws -> [UInt8] {
        var body = try plain() ?? Array(try WireCoding.encoder.encode(self))
        let format = tools.map { AnswerFormat.schema(ToolSchema.text($0, self.format)) } ?? self.format
        guard let format else { return body }
        body.removeLast()
        switch format {
        case .object: body += Array(#","response_format":{"type":"json_object"}}"#.utf8)
        case .schema(let schema):
            body += Array(#","response_format":{"type":"json_schema","json_schema":{"schema":"#.utf8)
            body += Array(schema.utf8) + Array("}}}".utf8)
        }
        return body
    }

    /// The same bytes as Codable's, written by hand; nil where something rare is in it.
    private func plain() -> [UInt8]? {
        guard logprobs == nil, top_logprobs == nil, logit_bias == nil, messages.allSatisfy(\.isPlain) else {
            return nil
        }
        var out: [UInt8] = []
        func number(_ key: StaticString, _ value: Double?) -> Bool {
            guard let value else { return true }
            PlainJSON.literal(key, into: &out)
            return PlainJSON.number(value, into: &out)
        }
        PlainJSON.literal(cache_prompt ? #"{"cache_prompt":true"# : #"{"cache_prompt":false"#, into: &out)
        guard number(#","frequency_penalty":"#, frequency_penalty) else { return nil }
        PlainJSON.literal(#","max_tokens":"#, into: &out)
        PlainJSON.integer(max_tokens, into: &out)
        PlainJSON.literal(#","messages":"#, into: &out)
        ChatMessage.write(messages, into: &out)
        guard number(#","presence_penalty":"#, presence_penalty) else { return nil }
        PlainJSON.literal(#","reasoning_format":"none""#, into: &out)
        if let seed {
            PlainJSON.literal(#","seed":"#, into: &out)
            PlainJSON.integer(seed, into: &out)
        }
        if let stop {
            PlainJSON.literal(#","stop":"#, into: &out)
            PlainJSON.strings(stop, into: &out)
        }
        PlainJSON.literal(#","stream":true,"stream_options":{"include_usage":true}"#, into: &out)
        guard number(#","temperature":"#, temperature) else { return nil }
        if let timings_per_token {
            PlainJSON.literal(
                timings_per_token ? #","timings_per_token":true"# : #","timings_per_token":false"#, into: &out
            )
        }
        guard number(#","top_p":"#, top_p) else { return nil }
        PlainJSON.literal("}", into: &out)
        return out
    }
}
