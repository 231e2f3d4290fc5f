// What a person asks of a model, in the one form that travels from the API to the engine.
// It must never grow a field that changes the answer without entering the request's hash.

/// One message of a conversation.
public struct ChatMessage: Hashable, Sendable, Codable {
    /// `system`, `user`, `assistant` or `developer`.
    public var role: String
    public var content: String

    public init(role: String, content: String) {
        self.role = role
        self.content = content
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

    enum CodingKeys: String, CodingKey {
        case temperature, seed, stop
        case topP = "top_p"
        case presencePenalty = "presence_penalty"
        case frequencyPenalty = "frequency_penalty"
        case maxTokens = "max_tokens"
    }

    public init(
        temperature: Double? = nil, topP: Double? = nil, seed: Int64? = nil, presencePenalty: Double? = nil,
        frequencyPenalty: Double? = nil, maxTokens: Int? = nil, stop: [String]? = nil
    ) {
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
public struct InferenceRequest: Hashable, Sendable, Codable {
    /// A model's name, or its content root in hexadecimal.
    public var model: String
    public var messages: [ChatMessage]
    public var sampling: Sampling
    /// The form of the answer; nil for any words.
    public var format: AnswerFormat?

    public init(
        model: String, messages: [ChatMessage], sampling: Sampling = Sampling(), format: AnswerFormat? = nil
    ) {
        self.model = model
        self.messages = messages
        self.sampling = sampling
        self.format = format
    }
}
