// Requests in which nothing is but words and numbers, written by hand: each own job's crosses two sockets and is hashed twice.
// It must never write one that has functions, a form or anything else that came later: Codable knows how those are written.

extension InferenceRequest: PlainDocument {
    public func write(into out: inout [UInt8]) -> Bool {
        guard format == nil, !isExtended else { return false }
        PlainJSON.literal("{\"messages\":", into: &out)
        ChatMessage.write(messages, into: &out)
        PlainJSON.literal(",\"model\":", into: &out)
        PlainJSON.string(model, into: &out)
        PlainJSON.literal(",\"sampling\":{", into: &out)
        guard sampling.write(into: &out) else { return false }
        PlainJSON.literal("}}", into: &out)
        return true
    }
}

extension ChatMessage {
    /// Whether it has but a role and words.
    public var isPlain: Bool { calls == nil && answers == nil }

    /// Messages that are plain.
    public static func write(_ messages: [ChatMessage], into out: inout [UInt8]) {
        PlainJSON.literal("[", into: &out)
        for (place, message) in messages.enumerated() {
            PlainJSON.literal(place > 0 ? ",{\"content\":" : "{\"content\":", into: &out)
            PlainJSON.string(message.content, into: &out)
            PlainJSON.literal(",\"role\":", into: &out)
            PlainJSON.string(message.role, into: &out)
            PlainJSON.literal("}", into: &out)
        }
        PlainJSON.literal("]", into: &out)
    }
}

extension Sampling {
    /// The members, without braces; nothing of what makes a request extended.
    fileprivate func write(into out: inout [UInt8]) -> Bool {
        var first = true
        func key(_ text: StaticString) {
            if !first { PlainJSON.literal(",", into: &out) }
            first = false
            PlainJSON.literal(text, into: &out)
        }
        func number(_ text: StaticString, _ value: Double?) -> Bool {
            guard let value else { return true }
            key(text)
            return PlainJSON.number(value, into: &out)
        }
        guard number("\"frequency_penalty\":", frequencyPenalty) else { return false }
        if let maxTokens {
            key("\"max_tokens\":")
            PlainJSON.integer(maxTokens, into: &out)
        }
        guard number("\"presence_penalty\":", presencePenalty) else { return false }
        if let seed {
            key("\"seed\":")
            PlainJSON.integer(seed, into: &out)
        }
        if let stop {
            key("\"stop\":")
            PlainJSON.strings(stop, into: &out)
        }
        return number("\"temperature\":", temperature) && number("\"top_p\":", topP)
    }
}
