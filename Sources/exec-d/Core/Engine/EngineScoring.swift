// What llama-server is asked when an answer is scored: the prompt as its template writes it, texts as tokens, and what it would
// say after some of them. It must never sample: the likeliest are told, and nothing is generated but one token that is thrown away.

import FoundationEssentials
import NodeModel
import Wire

/// What the engine would say at one place.
struct TokenGuess: Hashable, Sendable {
    /// A token and the logarithm of its probability.
    struct Choice: Hashable, Sendable, Decodable {
        let id: UInt32
        let logprob: Double
        /// Its text.
        let bytes: [UInt8]
    }

    /// The likeliest first; empty when the engine tells none, which it may where its token is no text by itself.
    let choices: [Choice]
    /// Whether the likeliest ends the answer.
    let ends: Bool

    /// Most that are asked for at one place.
    static let width = 64

    private struct Body: Decodable {
        struct Place: Decodable { let top_logprobs: [Choice] }
        let completion_probabilities: [Place]?
        let stop_type: String
    }

    /// Reads `/completion`'s answer to a question for one token.
    ///
    /// - Throws: `engine_unavailable` for anything else.
    init(_ json: [UInt8]) throws(WireError) {
        guard let body = try? WireCoding.decoder.decode(Body.self, from: Data(json)),
            case let choices = body.completion_probabilities?.first?.top_logprobs ?? [],
            choices.count <= Self.width,
            choices.allSatisfy({ $0.logprob > -.infinity && $0.logprob < 1 }),
            // In order, and none twice: else it would not be clear how likely one is.
            zip(choices, choices.dropFirst()).allSatisfy({ $0.logprob >= $1.logprob }),
            Set(choices.map(\.id)).count == choices.count
        else { throw EngineAnswer.broken("to a question for likelihoods cannot be read") }
        self.choices = choices
        ends = body.stop_type == "eos"
    }

    /// How much less likely this text is than what the engine would say itself: the difference between its likeliest token and
    /// the likeliest with which the text begins. At least so much, when none of those that it names does. The text decides and
    /// not its first token: it may have been generated as other tokens than it is cut into here. Nil when nothing is known.
    func gap(of text: some Sequence<UInt8>) -> Double? {
        guard let best = choices.first, let worst = choices.last else { return nil }
        let begin = Array(text.prefix(Self.longestToken))
        let said = choices.first { !$0.bytes.isEmpty && begin.starts(with: $0.bytes) }
        return best.logprob - (said ?? worst).logprob
    }

    /// The same for a token that has no text.
    func gap(of token: UInt32) -> Double? {
        guard let best = choices.first, let worst = choices.last else { return nil }
        return best.logprob - (choices.first { $0.id == token } ?? worst).logprob
    }

    private static let longestToken = 512
}

/// One token of a text, with the bytes that it stands for.
struct AnswerToken: Hashable, Sendable, Decodable {
    let id: UInt32
    let bytes: [UInt8]

    private enum Key: String, CodingKey { case id, piece }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        id = try fields.decode(UInt32.self, forKey: .id)
        // A piece that is no text by itself comes as numbers.
        if let text = try? fields.decode(String.self, forKey: .piece) {
            bytes = Array(text.utf8)
        } else {
            bytes = try fields.decode([UInt8].self, forKey: .piece)
        }
    }
}

extension EngineClient {
    private struct Tokenize: Encodable {
        let content: String
        let add_special: Bool
        let parse_special: Bool
        var with_pieces = false
    }
    private struct Tokens: Decodable { let tokens: [UInt32] }
    private struct Pieces: Decodable { let tokens: [AnswerToken] }
    private struct Template: Encodable { let messages: [ChatMessage] }
    private struct Prompt: Decodable { let prompt: String }
    private struct Properties: Decodable { let eos_token: String }
    private struct Completion: Encodable {
        let prompt: [UInt32]
        let n_predict = 1
        let n_probs = TokenGuess.width
        let temperature = 0
        // Each question goes on where the one before ended, so that the answer is read once.
        let cache_prompt = true
    }

    /// The tokens of a conversation, as a chat begins with them.
    func tokens(of messages: [ChatMessage]) async throws -> [UInt32] {
        let text: Prompt = try await ask("/apply-template", Template(messages: messages))
        return try await tokens(ofMarkup: text.prompt, isWhole: true)
    }

    /// The tokens of an answer, as this engine cuts it.
    func pieces(of answer: String) async throws -> [AnswerToken] {
        let reply: Pieces = try await ask(
            "/tokenize",
            Tokenize(content: answer, add_special: false, parse_special: false, with_pieces: true))
        return reply.tokens
    }

    /// The token that ends an answer; nil when the engine names none.
    func endToken() async throws -> UInt32? {
        let answer = try await http.send("GET", "/props", within: Self.patience)
        guard answer.status == 200,
            let known = try? WireCoding.decoder.decode(Properties.self, from: Data(answer.body))
        else { return nil }
        let tokens = try await tokens(ofMarkup: known.eos_token, isWhole: false)
        return tokens.count == 1 ? tokens[0] : nil
    }

    /// What the engine would say after these tokens.
    func guess(after tokens: [UInt32]) async throws -> TokenGuess {
        try TokenGuess(try await ask("/completion", json: Completion(prompt: tokens)))
    }

    private static let patience = Duration.seconds(60)

    private func tokens(ofMarkup text: String, isWhole: Bool) async throws -> [UInt32] {
        let reply: Tokens = try await ask(
            "/tokenize", Tokenize(content: text, add_special: isWhole, parse_special: true))
        return reply.tokens
    }

    private func ask<Reply: Decodable>(_ path: String, _ body: some Encodable) async throws -> Reply {
        let json = try await ask(path, json: body)
        guard let reply = try? WireCoding.decoder.decode(Reply.self, from: Data(json)) else {
            throw EngineAnswer.broken("to \(path) cannot be read")
        }
        return reply
    }

    private func ask(_ path: String, json body: some Encodable) async throws -> [UInt8] {
        let json = Array(try WireCoding.encoder.encode(body))
        let answer = try await http.send("POST", path, json: json, within: Self.patience)
        guard answer.status == 200 else {
            throw (EngineFailure(body: answer.body) ?? EngineFailure()).wire(
                status: answer.status, answerTokens: 0)
        }
        return answer.body
    }
}
