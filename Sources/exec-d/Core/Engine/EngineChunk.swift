// Reads one chunk of the engine's streamed answer (OpenAI's chat.completion.chunk), and no more of it than is used.
// It must never take a number from the engine that is not a count.

import FoundationEssentials
import NodeModel
import Wire

/// What one chunk says.
struct EngineChunk: Hashable, Sendable {
    var text = ""
    /// How likely the tokens of the text were, where that was asked for.
    var tokens: [AnswerPiece.Token] = []
    var finish: String?
    var usage: Usage?
    /// The tokens so far, where it says them.
    var counted: Usage?
    /// The engine broke off with an error, of this type and with these words.
    var failure: EngineFailure?

    /// - Throws: `JSONFault` for what is not a chunk.
    init(_ json: UnsafeRawBufferPointer) throws(JSONFault) {
        var scanner = JSONScanner(json)
        var chunk = EngineChunk()
        try scanner.object { (s, key) throws(JSONFault) in
            if try s.isNull() {
                _ = try s.skip()
            } else if s.matches(key, "choices") {
                try s.array { (s) throws(JSONFault) in try chunk.readChoice(&s) }
            } else if s.matches(key, "usage") {
                try chunk.readUsage(&s)
            } else if s.matches(key, "timings") {
                try chunk.readTimings(&s)
            } else if s.matches(key, "error") {
                chunk.failure = try EngineFailure(&s)
            } else {
                _ = try s.skip()
            }
        }
        try scanner.expectEnd()
        self = chunk
    }

    private init() {}

    private mutating func readChoice(_ s: inout JSONScanner) throws(JSONFault) {
        var text: String?
        var finish: String?
        try s.object { (s, key) throws(JSONFault) in
            if try s.isNull() {
                _ = try s.skip()
            } else if s.matches(key, "finish_reason") {
                finish = try s.string()
            } else if s.matches(key, "logprobs") {
                try readLikelihoods(&s)
            } else if s.matches(key, "delta") {
                try s.object { (s, key) throws(JSONFault) in
                    if try !s.isNull(), s.matches(key, "content") {
                        text = try s.string()
                    } else {
                        _ = try s.skip()
                    }
                }
            } else {
                _ = try s.skip()
            }
        }
        if let text { self.text += text }
        if let finish { self.finish = finish }
    }

    private struct Likelihoods: Decodable {
        struct Choice: Decodable {
            let token: String
            let bytes: [UInt8]?
            /// Null for what is impossible.
            let logprob: Double?

            var plain: AnswerPiece.Choice {
                AnswerPiece.Choice(
                    token: token, bytes: bytes ?? Array(token.utf8),
                    // OpenAI's word for what is next to impossible; a probability over 1 is one that was rounded.
                    logprob: min(0, max(-9_999, logprob ?? -9_999)))
            }
        }
        struct Place: Decodable {
            let chosen: Choice
            let top_logprobs: [Choice]

            private enum CodingKeys: String, CodingKey { case top_logprobs }
            init(from decoder: any Decoder) throws {
                chosen = try Choice(from: decoder)
                top_logprobs = try decoder.container(keyedBy: CodingKeys.self).decode(
                    [Choice].self, forKey: .top_logprobs)
            }
        }
        let content: [Place]?
    }

    private mutating func readLikelihoods(_ s: inout JSONScanner) throws(JSONFault) {
        let json = UnsafeRawBufferPointer(rebasing: s.bytes[try s.skip()])
        guard let told = try? WireCoding.decoder.decode(Likelihoods.self, from: Data(json)) else {
            throw .badNumber
        }
        tokens += (told.content ?? []).map {
            AnswerPiece.Token(chosen: $0.chosen.plain, top: $0.top_logprobs.map(\.plain))
        }
    }

    private mutating func readUsage(_ s: inout JSONScanner) throws(JSONFault) {
        var prompt: UInt64?
        var completion: UInt64?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "prompt_tokens") {
                prompt = try s.unsigned()
            } else if s.matches(key, "completion_tokens") {
                completion = try s.unsigned()
            } else {
                _ = try s.skip()
            }
        }
        guard let prompt = prompt.flatMap({ Int64(exactly: $0) }),
            let completion = completion.flatMap({ Int64(exactly: $0) })
        else { throw .badNumber }
        usage = Usage(promptTokens: prompt, completionTokens: completion)
    }

    /// What was read of the prompt is what was computed and what an earlier one had left.
    private mutating func readTimings(_ s: inout JSONScanner) throws(JSONFault) {
        var counts: (kept: UInt64, read: UInt64?, given: UInt64?) = (0, nil, nil)
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "cache_n") {
                counts.kept = try s.unsigned()
            } else if s.matches(key, "prompt_n") {
                counts.read = try s.unsigned()
            } else if s.matches(key, "predicted_n") {
                counts.given = try s.unsigned()
            } else {
                _ = try s.skip()
            }
        }
        guard let read = counts.read, let given = counts.given.flatMap({ Int64(exactly: $0) }) else { return }
        let (sum, overflow) = read.addingReportingOverflow(counts.kept)
        guard !overflow, let prompt = Int64(exactly: sum) else { throw .badNumber }
        counted = Usage(promptTokens: prompt, completionTokens: given)
    }
}

extension JSONScanner {
    /// Whether the next value is `null`, left unread.
    mutating func isNull() throws(JSONFault) -> Bool { try peek() == 0x6E }
}
