// A piece of an answer that may hold more than words: calls of functions, and how likely each token was.
// It must never be what a piece is where only words were asked for: those travel as they are.

import FoundationEssentials

/// What came of an answer at once.
public struct AnswerPiece: Hashable, Sendable {
    /// A part of a call: the first has id and name, the others arguments alone.
    public struct Call: Hashable, Sendable, Codable {
        /// Which call of the answer, from zero.
        public var index: Int
        public var id: String?
        public var name: String?
        public var arguments: String

        public init(index: Int, id: String? = nil, name: String? = nil, arguments: String = "") {
            self.index = index
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }

    /// A token, and the natural logarithm of its probability.
    public struct Choice: Hashable, Sendable, Codable {
        public var token: String
        public var bytes: [UInt8]
        public var logprob: Double

        public init(token: String, bytes: [UInt8], logprob: Double) {
            self.token = token
            self.bytes = bytes
            self.logprob = logprob
        }
    }

    /// A token of the answer, with the likeliest at its place.
    public struct Token: Hashable, Sendable, Codable {
        public var chosen: Choice
        public var top: [Choice]

        public init(chosen: Choice, top: [Choice]) {
            self.chosen = chosen
            self.top = top
        }
    }

    public var text: String
    public var calls: [Call]
    public var tokens: [Token]

    public init(text: String = "", calls: [Call] = [], tokens: [Token] = []) {
        self.text = text
        self.calls = calls
        self.tokens = tokens
    }

    public var isEmpty: Bool { text.isEmpty && calls.isEmpty && tokens.isEmpty }
}

extension AnswerPiece: Codable {
    private enum CodingKeys: String, CodingKey { case text, calls, tokens }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        text = try values.decodeIfPresent(String.self, forKey: .text) ?? ""
        calls = try values.decodeIfPresent([Call].self, forKey: .calls) ?? []
        tokens = try values.decodeIfPresent([Token].self, forKey: .tokens) ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        if !text.isEmpty { try values.encode(text, forKey: .text) }
        if !calls.isEmpty { try values.encode(calls, forKey: .calls) }
        if !tokens.isEmpty { try values.encode(tokens, forKey: .tokens) }
    }

    /// The piece as it travels: JSON with sorted keys.
    public func written() throws -> String {
        String(decoding: try Self.encoder.encode(self), as: UTF8.self)
    }

    /// Reads what ``written()`` wrote.
    ///
    /// - Throws: `DecodingError` for anything else.
    public init(written text: String) throws {
        self = try JSONDecoder().decode(AnswerPiece.self, from: Data(text.utf8))
    }

    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
