// What a job consumed and how long each stage of it took.
// It must never be an estimate presented as a count.

/// Tokens, as the engine counted them.
public struct Usage: Hashable, Sendable, Codable {
    public var promptTokens: Int64
    public var completionTokens: Int64

    enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case completionTokens = "completion_tokens"
    }

    public init(promptTokens: Int64, completionTokens: Int64) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }
}

/// Milliseconds spent in each stage, each counted from the end of the one before.
public struct StageTimings: Hashable, Sendable, Codable {
    /// Waiting for a free slot.
    public var queueMs: Int64
    /// Starting the engine and loading the model; 0 when it was warm.
    public var loadMs: Int64
    /// From the engine's acceptance to the first token.
    public var firstTokenMs: Int64
    /// From the first token to the last.
    public var generateMs: Int64

    enum CodingKeys: String, CodingKey {
        case queueMs = "queue_ms"
        case loadMs = "load_ms"
        case firstTokenMs = "first_token_ms"
        case generateMs = "generate_ms"
    }

    public init(queueMs: Int64 = 0, loadMs: Int64 = 0, firstTokenMs: Int64 = 0, generateMs: Int64 = 0) {
        self.queueMs = queueMs
        self.loadMs = loadMs
        self.firstTokenMs = firstTokenMs
        self.generateMs = generateMs
    }
}

/// Why the answer ended, in OpenAI's words.
public enum FinishReason: String, Sendable, Codable, Hashable {
    case stop, length
    /// It asks to have functions called.
    case toolCalls = "tool_calls"
}
