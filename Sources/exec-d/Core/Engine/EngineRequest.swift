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
    /// A model's thinking is part of its answer, as it was generated.
    let reasoning_format = "none"

    /// What the answer is held to; written beside the other fields, as a schema is text already.
    private let format: AnswerFormat?

    private enum CodingKeys: String, CodingKey {
        case messages, max_tokens, temperature, top_p, seed, presence_penalty, frequency_penalty, stop, stream
        case stream_options, cache_prompt, reasoning_format, timings_per_token
    }

    /// - Parameters:
    ///   - maxTokens: the longest answer, all limits applied.
    ///   - stranger: whether another node asked. Its prompt neither profits from nor leaves traces in the time that
    ///     other people's prompts take.
    ///   - counted: whether the tokens are told with each piece.
    init(_ request: InferenceRequest, maxTokens: Int, stranger: Bool, counted: Bool = false) {
        timings_per_token = counted ? true : nil
        messages = Self.messages(of: request)
        max_tokens = maxTokens
        temperature = request.sampling.temperature
        top_p = request.sampling.topP
        seed = request.sampling.seed
        presence_penalty = request.sampling.presencePenalty
        frequency_penalty = request.sampling.frequencyPenalty
        stop = request.sampling.stop
        cache_prompt = !stranger
        format = request.format
    }

    /// A conversation in the engine's words.
    static func messages(of request: InferenceRequest) -> [ChatMessage] {
        request.messages.map {
            // OpenAI's newer name of the same thing, which models' templates do not know.
            ChatMessage(role: $0.role == "developer" ? "system" : $0.role, content: $0.content)
        }
    }

    func json() throws -> [UInt8] {
        var body = Array(try WireCoding.encoder.encode(self))
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
}
