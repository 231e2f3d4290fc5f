// Proves that an answer with calls has one hash however it was cut, that every change of it shows, and that nobody can make one
// without bound.

import Foundation
import NodeModel
import Testing

private func request(_ tools: ToolUse?, logprobs: Int? = nil) -> InferenceRequest {
    InferenceRequest(
        model: "m", messages: [ChatMessage(role: "user", content: "x")],
        sampling: Sampling(logprobs: logprobs),
        tools: tools)
}

@Suite struct AnswerSumTests {
    static let two = ToolUse(tools: [Tool(name: "a"), Tool(name: "b")])
    static let likely = AnswerPiece.Token(
        chosen: AnswerPiece.Choice(token: "x", bytes: [120], logprob: -0.5),
        top: [AnswerPiece.Choice(token: "y", bytes: [121], logprob: -0.25)])

    static func calls(_ parts: [(Int, String?, String)]) -> [AnswerPiece] {
        parts.map { index, name, arguments in
            AnswerPiece(calls: [
                AnswerPiece.Call(
                    index: index, id: name.map { "\($0)-\(index)" }, name: name, arguments: arguments)
            ])
        }
    }

    private func sum(_ pieces: [AnswerPiece], of asked: InferenceRequest = request(two)) throws -> Digest {
        var sum = AnswerSum(of: asked)
        for piece in pieces { _ = try sum.add(piece) }
        return sum.hash
    }

    @Test func wordsHaveTheHashOfTheirText() throws {
        let pieces = ["Hal", "lo ü"].map { AnswerPiece(text: $0) }
        for asked in [request(nil), request(Self.two)] {
            #expect(try sum(pieces, of: asked) == Digest(hashing: "Hallo ü"))
        }
        #expect(try sum([], of: request(Self.two)) == Digest(hashing: ""))
    }

    @Test func theCutMakesNoDifferenceAndEveryChangeDoes() throws {
        let whole = try sum(Self.calls([(0, "a", #"{"x":1}"#), (1, "b", "{}")]))
        #expect(
            try sum(Self.calls([(0, "a", ""), (0, nil, #"{"x""#), (0, nil, ":1}"), (1, "b", "{}")])) == whole)
        let both = AnswerPiece(
            calls: Self.calls([(0, "a", #"{"x":1}"#), (1, "b", "{}")]).flatMap(\.calls))
        #expect(try sum([both]) == whole)
        let others = [
            Self.calls([(0, "a", #"{"x":2}"#), (1, "b", "{}")]),
            Self.calls([(0, "b", #"{"x":1}"#), (1, "b", "{}")]),
            Self.calls([(0, "a", #"{"x":1}"#)]), Self.calls([(0, "a", #"{"x":1"#), (1, "b", "}{}")]),
            [AnswerPiece(text: "w")] + Self.calls([(0, "a", #"{"x":1}"#), (1, "b", "{}")]),
            [AnswerPiece(text: #"{"tool_calls":[]}"#)],
        ]
        var hashes = try others.map { try sum($0) }
        var renamed = Self.calls([(0, "a", #"{"x":1}"#), (1, "b", "{}")])
        renamed[0].calls[0].id = "other"
        hashes.append(try sum(renamed))
        #expect(Set(hashes + [whole]).count == hashes.count + 1)
    }

    /// What docs/protocol/receipt.md says, computed by hand.
    @Test func theHashIsTheOneThatIsWrittenDown() throws {
        let line = "a-0 a \(Digest(hashing: "{}").hex)\n"
        let parts = ["", line, ""].map { Digest(hashing: $0).bytes }
        #expect(
            try sum(Self.calls([(0, "a", "{}")])) == Digest(hashing: Data([0xFF] + parts.flatMap(\.self))))
    }

    @Test func likelihoodsAreInTheHash() throws {
        let asked = request(nil, logprobs: 1)
        let told = try sum([AnswerPiece(text: "x", tokens: [Self.likely])], of: asked)
        #expect(try told != sum([AnswerPiece(text: "x")], of: asked))
        var other = Self.likely
        other.top[0].logprob = -0.75
        #expect(try told != sum([AnswerPiece(text: "x", tokens: [other])], of: asked))
    }

    @Test(arguments: [
        // Not offered, no id, out of order, a gap, the same id twice, begun twice, words behind.
        calls([(0, "c", "{}")]), [AnswerPiece(calls: [AnswerPiece.Call(index: 0, arguments: "{}")])],
        calls([(1, "a", "{}")]), calls([(0, "a", "{}"), (2, "b", "{}")]),
        calls([(0, "a", "{}"), (1, "b", "{}"), (0, nil, "{}")]), calls([(0, "a", "{}"), (0, "a", "{}")]),
        calls([(0, "a", "{}")]) + [AnswerPiece(text: "x")],
        [AnswerPiece(calls: [AnswerPiece.Call(index: 0, id: "i d", name: "a")])],
        [AnswerPiece(calls: [AnswerPiece.Call(index: 0, id: String(repeating: "i", count: 129), name: "a")])],
        (0..<17).map { AnswerPiece(calls: [AnswerPiece.Call(index: $0, id: "i\($0)", name: "a")]) },
        calls([(0, "a", String(repeating: "x", count: (64 << 10) + 1))]), [AnswerPiece(tokens: [likely])],
    ]) func whatWasNotAskedForIsRefused(pieces: [AnswerPiece]) {
        #expect(throws: AnswerFault.self) { try sum(pieces) }
    }

    @Test func oneCallAloneAndTheOneThatWasNamed() throws {
        let single = ToolUse(tools: Self.two.tools, parallel: false)
        let named = ToolUse(tools: Self.two.tools, choice: .required, only: "b")
        let pair = Self.calls([(0, "b", "{}"), (1, "b", "{}")])
        for use in [single, named] {
            _ = try sum([pair[0]], of: request(use))
            #expect(throws: AnswerFault.self) { try sum(pair, of: request(use)) }
        }
        #expect(throws: AnswerFault.self) { try sum(Self.calls([(0, "a", "{}")]), of: request(named)) }
        #expect(throws: AnswerFault.self) { try sum(pair, of: request(nil)) }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 0.5]) func impossibleLikelihoodsAreRefused(
        _ value: Double
    ) {
        var told = Self.likely
        told.chosen.logprob = value
        let asked = request(nil, logprobs: 1)
        #expect(throws: AnswerFault.self) { try sum([AnswerPiece(tokens: [told])], of: asked) }
        let two = AnswerPiece.Token(
            chosen: Self.likely.chosen, top: [Self.likely.chosen, Self.likely.chosen])
        #expect(throws: AnswerFault.self) { try sum([AnswerPiece(tokens: [two])], of: asked) }
    }

    @Test func anAnswerWeighsAtLeastItsTokens() throws {
        var (plain, held) = (AnswerSum(of: request(nil)), AnswerSum(of: request(Self.two)))
        #expect(try plain.add(AnswerPiece(text: "a\"\né")) == 5)
        // Held to a form it may have been written as \" \n and \u00e9.
        #expect(try held.add(AnswerPiece(text: "a\"\né")) == 11)
        #expect(
            try held.add(AnswerPiece(calls: [.init(index: 0, id: "i", name: "a", arguments: "{}")])) == 67)
        #expect(try held.add(AnswerPiece(calls: [.init(index: 0, arguments: "é")])) == 2)
        #expect(held.calls == 1)
    }

    @Test func aPieceTravels() throws {
        let pieces =
            Self.calls([(0, "a", "{\"é\":\"/\"}"), (0, nil, "")]) + [
                AnswerPiece(text: "\n"), AnswerPiece(text: "x", tokens: [Self.likely]),
            ]
        for piece in pieces { #expect(try AnswerPiece(written: try piece.written()) == piece) }
        #expect(
            try pieces[0].written()
                == #"{"calls":[{"arguments":"{\"é\":\"/\"}","id":"a-0","index":0,"name":"a"}]}"#)
        for other in ["", "x", "[]", #"{"calls":{}}"#, #"{"calls":[{"id":"a"}]}"#] {
            #expect(throws: (any Error).self) { try AnswerPiece(written: other) }
        }
    }
}

@Suite struct InferenceRequestTests {
    /// As builds before tools read a request.
    private struct Earlier: Decodable {
        struct Message: Decodable { let role, content: String }
        let model: String
        let messages: [Message]
    }

    private static let hello = [ChatMessage(role: "user", content: "hello")]
    static let extended = [
        InferenceRequest(model: "m", messages: hello, tools: ToolUse(tools: [Tool(name: "a")])),
        InferenceRequest(model: "m", messages: hello, sampling: Sampling(logprobs: 0)),
        InferenceRequest(model: "m", messages: hello, sampling: Sampling(logitBias: ["5": -100])),
        InferenceRequest(
            model: "m",
            messages: hello + [
                ChatMessage(
                    role: "assistant", content: "", calls: [ToolCall(id: "i", name: "a", arguments: "{}")]),
                ChatMessage(role: "tool", content: "r", answers: "i"),
            ]),
    ]

    @Test(arguments: extended) func anEarlierBuildRefusesWhatItWouldLeaveOut(request: InferenceRequest) throws
    {
        let bytes = try JSONEncoder().encode(request)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Earlier.self, from: bytes) }
        #expect(try JSONDecoder().decode(InferenceRequest.self, from: bytes) == request)
        var plain = InferenceRequest(model: "m", messages: Self.hello)
        #expect(try plain.hash() != request.hash())
        let known = try JSONDecoder().decode(Earlier.self, from: try JSONEncoder().encode(plain))
        #expect(known.messages.map(\.content) == ["hello"])
        plain.format = .object
        #expect(!plain.isExtended && !plain.hasParts)
    }

    @Test(arguments: [
        #"{"model":"m","conversation":[],"sampling":{}}"#,
        #"{"model":"m","messages":[],"sampling":{},"tools":{"tools":[],"choice":"auto","parallel":true}}"#,
        #"{"model":"m","messages":[],"conversation":[],"sampling":{"logprobs":1}}"#,
    ]) func thereIsOneSpelling(json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(InferenceRequest.self, from: Data(json.utf8))
        }
    }
}

@Suite struct ConversationRulesTests {
    private static let call = ToolCall(id: "call_1", name: "now", arguments: "{}")
    private static let other = ToolCall(id: "call_2", name: "now", arguments: "not JSON")
    private static func asked(_ calls: ToolCall...) -> ChatMessage {
        ChatMessage(role: "assistant", content: "", calls: calls)
    }
    private static func result(_ id: String?) -> ChatMessage {
        ChatMessage(role: "tool", content: "noon", answers: id)
    }
    private static let user = ChatMessage(role: "user", content: "when?")

    @Test func callsAndTheirResultsBelongTogether() throws {
        try ConversationRules.check([Self.user])
        try ConversationRules.check([
            Self.user, Self.asked(Self.call, Self.other), Self.result("call_2"), Self.result("call_1"),
            Self.user,
            Self.asked(Self.call), Self.result("call_1"),
        ])
    }

    static let wrong: [([ChatMessage], String)] = [
        ([user, result("call_1")], "messages[1].tool_call_id"),
        ([user, asked(call), result("call_2")], "messages[2].tool_call_id"),
        ([user, asked(call), result(nil)], "messages[2].tool_call_id"),
        ([user, asked(call), result("call_1"), result("call_1")], "messages[3].tool_call_id"),
        ([user, asked(call), user], "messages[1]"), ([user, asked(call)], "messages[1]"),
        ([user, asked(call, other), result("call_1"), user], "messages[2]"),
        ([user, asked(call, call), result("call_1")], "messages[1].tool_calls[1].id"),
        ([user, asked()], "messages[1].tool_calls"),
        ([ChatMessage(role: "user", content: "", calls: [call])], "messages[0].tool_calls"),
        ([ChatMessage(role: "user", content: "", answers: "call_1")], "messages[0].tool_call_id"),
        (
            [asked(ToolCall(id: "a b", name: "now", arguments: ""))], "messages[0].tool_calls[0].id"
        ),
        (
            [asked(ToolCall(id: "a", name: "n w", arguments: ""))],
            "messages[0].tool_calls[0].function.name"
        ),
    ]

    @Test(arguments: wrong) func whatDoesNotIsNamed(_ messages: [ChatMessage], _ place: String) {
        let fault = #expect(throws: ConversationFault.self) { try ConversationRules.check(messages) }
        #expect(fault?.place == place)
    }
}
