// Requests of words and numbers in messages, read and written by hand.
// It must never read one that has functions, a form, likelihoods or biases, nor leave out what it does not know: Codable
// reads those.

public import NodeModel
public import Wire

extension InferenceRequest: WireValue {
    public func write(to writer: inout JSONWriter) throws { try writer.document(self) }
    public static func read(_ json: UnsafeRawBufferPointer) throws -> InferenceRequest {
        try read(json) { (s) throws(JSONFault) in try InferenceRequest(plain: &s) }
    }

    init(plain s: inout JSONScanner) throws(JSONFault) {
        var model: String?
        var messages: [ChatMessage]?
        var sampling: Sampling?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "model") {
                try s.once(&model) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "messages") {
                try s.once(&messages) { (s) throws(JSONFault) in try s.messages() }
            } else if s.matches(key, "sampling") {
                try s.once(&sampling) { (s) throws(JSONFault) in try Sampling(plain: &s) }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let model, let messages, let sampling else { throw .truncated }
        self.init(model: model, messages: messages, sampling: sampling)
    }
}

extension JSONScanner {
    fileprivate mutating func messages() throws(JSONFault) -> [ChatMessage] {
        var messages: [ChatMessage] = []
        try array { (s) throws(JSONFault) in messages.append(try ChatMessage(plain: &s)) }
        return messages
    }
}

extension ChatMessage {
    fileprivate init(plain s: inout JSONScanner) throws(JSONFault) {
        var role: String?
        var content: String?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "role") {
                try s.once(&role) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "content") {
                try s.once(&content) { (s) throws(JSONFault) in try s.string() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let role, let content else { throw .truncated }
        self.init(role: role, content: content)
    }
}

extension Sampling {
    fileprivate init(plain s: inout JSONScanner) throws(JSONFault) {
        var temperature: Double?
        var topP: Double?
        var seed: Int64?
        var presencePenalty: Double?
        var frequencyPenalty: Double?
        var maxTokens: Int?
        var stop: [String]?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "temperature") {
                try s.once(&temperature) { (s) throws(JSONFault) in try s.double() }
            } else if s.matches(key, "top_p") {
                try s.once(&topP) { (s) throws(JSONFault) in try s.double() }
            } else if s.matches(key, "seed") {
                try s.once(&seed) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "presence_penalty") {
                try s.once(&presencePenalty) { (s) throws(JSONFault) in try s.double() }
            } else if s.matches(key, "frequency_penalty") {
                try s.once(&frequencyPenalty) { (s) throws(JSONFault) in try s.double() }
            } else if s.matches(key, "max_tokens") {
                try s.once(&maxTokens) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "stop") {
                try s.once(&stop) { (s) throws(JSONFault) in try s.strings() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        self.init(
            temperature: temperature, topP: topP, seed: seed, presencePenalty: presencePenalty,
            frequencyPenalty: frequencyPenalty, maxTokens: maxTokens, stop: stop)
    }
}
