// What a person asks of a model, in the one form that travels from the API to the engine.
// It must never grow a field that changes the answer without entering the request's hash.

/// One message of a conversation.
public struct ChatMessage: Hashable, Sendable, Codable {
    /// `system`, `user`, `assistant`, `developer` or `tool`.
    public var role: String
    public var content: String
    /// What an assistant asked to have called; never empty.
    public var calls: [ToolCall]?
    /// The id of the call whose result this is, for `tool`.
    public var answers: String?

    enum CodingKeys: String, CodingKey {
        case role, content
        case calls = "tool_calls"
        case answers = "tool_call_id"
    }

    public init(role: String, content: String, calls: [ToolCall]? = nil, answers: String? = nil) {
        self.role = role
        self.content = content
        self.calls = calls
        self.answers = answers
    }
}

/// How the next token is drawn; nil leaves the engine's default.
public struct Sampling: Hashable, Sendable, Codable {
    public var temperature: Double?
    public var topP: Double?
    public var seed: Int64?
    public var presencePenalty: Double?
    public var frequencyPenalty: Double?
    /// The longest answer, in tokens.
    public var maxTokens: Int?
    public var stop: [String]?
    /// How many of the likeliest tokens are told at each place of the answer, besides the one that was taken; nil for none of it.
    public var logprobs: Int?
    /// What is added to tokens' logits before one is drawn, by the token's id in the model's vocabulary.
    public var logitBias: [String: Double]?

    enum CodingKeys: String, CodingKey {
        case temperature, seed, stop, logprobs
        case logitBias = "logit_bias"
        case topP = "top_p"
        case presencePenalty = "presence_penalty"
        case frequencyPenalty = "frequency_penalty"
        case maxTokens = "max_tokens"
    }

    public init(
        temperature: Double? = nil, topP: Double? = nil, seed: Int64? = nil, presencePenalty: Double? = nil,
        frequencyPenalty: Double? = nil, maxTokens: Int? = nil, stop: [String]? = nil, logprobs: Int? = nil,
        logitBias: [String: Double]? = nil
    ) {
        self.logprobs = logprobs
        self.logitBias = logitBias
        self.temperature = temperature
        self.topP = topP
        self.seed = seed
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.maxTokens = maxTokens
        self.stop = stop
    }
}

/// A chat completion to be made.
public struct InferenceRequest: Hashable, Sendable {
    /// A model's name, or its content root in hexadecimal.
    public var model: String
    public var messages: [ChatMessage]
    public var sampling: Sampling
    /// The form of the answer; nil for any words.
    public var format: AnswerFormat?
    /// The functions that the model may have called; nil for none.
    public var tools: ToolUse?

    public init(
        model: String, messages: [ChatMessage], sampling: Sampling = Sampling(), format: AnswerFormat? = nil,
        tools: ToolUse? = nil
    ) {
        self.model = model
        self.messages = messages
        self.sampling = sampling
        self.format = format
        self.tools = tools
    }

    /// Whether the answer comes as ``AnswerPiece``s; else as words.
    public var hasParts: Bool { tools != nil || sampling.logprobs != nil }

    /// Whether it holds what builds before tools would read and leave out.
    public var isExtended: Bool {
        hasParts || sampling.logitBias != nil || messages.contains { $0.calls != nil || $0.answers != nil }
    }
}

extension InferenceRequest: Codable {
    private enum CodingKeys: String, CodingKey {
        case model, messages, conversation, sampling, format, tools
    }

    /// - Throws: `DecodingError`, also for one that is not spelled as it is written.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let isExtended = values.contains(.conversation)
        self.init(
            model: try values.decode(String.self, forKey: .model),
            messages: try values.decode(
                [ChatMessage].self, forKey: isExtended ? .conversation : .messages),
            sampling: try values.decode(Sampling.self, forKey: .sampling),
            format: try values.decodeIfPresent(AnswerFormat.self, forKey: .format),
            tools: try values.decodeIfPresent(ToolUse.self, forKey: .tools))
        guard isExtended == self.isExtended, !isExtended || !values.contains(.messages) else {
            throw DecodingError.dataCorruptedError(
                forKey: .messages, in: values, debugDescription: "the messages stand under another name")
        }
    }

    /// A build from before tools finds no `messages` in a request that has what it would leave out, and refuses it.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(model, forKey: .model)
        try values.encode(messages, forKey: isExtended ? .conversation : .messages)
        try values.encode(sampling, forKey: .sampling)
        try values.encodeIfPresent(format, forKey: .format)
        try values.encodeIfPresent(tools, forKey: .tools)
    }
}
