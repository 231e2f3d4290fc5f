// Proves how functions are told to a model and its calls are read: as they come, whole or not at all, and within bounds.

import FoundationEssentials
import NodeConfig
import NodeModel
import Testing
import Wire

@testable import ExecCore

private let weather = Tool(
    name: "get_weather", description: "The \"weather\"",
    parameters:
        ##"{"type":"object","properties":{"city":{"$ref":"#/$defs/City"}},"$defs":{"City":{"type":"string"}}}"##
)
private let now = Tool(name: "now")
private func request(_ tools: ToolUse?, _ messages: [ChatMessage] = [ChatMessage(role: "user", content: "x")])
    -> InferenceRequest
{
    InferenceRequest(model: "m", messages: messages, tools: tools)
}

@Suite struct WrittenAnswerTests {
    /// Reads it whole and in single characters; both must say the same.
    private func read(_ text: String, keepsJSON: Bool = false) throws -> (AnswerPiece, isWhole: Bool) {
        var both: [(AnswerPiece, Bool)] = []
        for pieces in [[text], text.unicodeScalars.map { String($0) }] {
            var answer = WrittenAnswer(keepsJSON: keepsJSON, makeID: { "call_\($0)" })
            var all = AnswerPiece()
            for piece in pieces {
                let more = try answer.take(piece)
                all.text += more.text
                for call in more.calls {
                    if call.id != nil {
                        all.calls.append(call)
                    } else {
                        all.calls[call.index].arguments += call.arguments
                    }
                }
            }
            both.append((all, answer.isWhole))
        }
        #expect(both[0].0 == both[1].0 && both[0].1 == both[1].1, "an answer depends on how it is cut")
        return (both[0].0, both[0].1)
    }

    @Test func callsAreReadWithAllTheWhiteSpaceThatModelsLike() throws {
        let (piece, isWhole) = try read(
            #"""
            {
               "tool_calls" : [ {"name":"get_weather", "arguments": {
               "city": "Par}is\\\"", "n":[1,{"a":"]"}] } }, {"name":"now","arguments":{}}
             ]  }
            """#)
        #expect(isWhole && piece.text.isEmpty)
        #expect(
            piece.calls.map(\.name) == ["get_weather", "now"]
                && piece.calls.map(\.id) == ["call_0", "call_1"])
        #expect(
            piece.calls.map(\.arguments) == [
                "{\n   \"city\": \"Par}is\\\\\\\"\", \"n\":[1,{\"a\":\"]\"}] }", "{}",
            ])
    }

    @Test func wordsLoseTheirEscapes() throws {
        let (piece, isWhole) = try read(#" {"content": "a \"b\" \\ \n \u00e9 \ud83d\ude00 ü\/" }"#)
        #expect(isWhole && piece.text == "a \"b\" \\ \n é 😀 ü/" && piece.calls.isEmpty)
        #expect(try read(#"{"content":"""#).0.text == "")
        #expect(try read(#"{"content":"half \u00e"#).0.text == "half ")
        #expect(try read(#"{"content":"half \ud83d\ude0"#).0.text == "half ")
        #expect(try !read(#"{"content":"half""#).isWhole)
    }

    @Test func wordsThatAreJSONStayAsTheyAre() throws {
        for value in [#"{"a":[1,"}"]}"#, "-1.5e3", #""x\n""#, "true", "[ ]"] {
            let (piece, isWhole) = try read("{\"content\": \(value) }", keepsJSON: true)
            #expect(isWhole && piece.text == value)
        }
    }

    @Test(arguments: [
        "x", "[", #"{"a""#, #"{"a":1}"#, #"{"content" x"#, #"{"content":1}"#, #"{"content":"a"}x"#,
        #"{"tool_calls":{"#,
        #"{"tool_calls":[]"#, #"{"tool_calls":[{"arguments""#, #"{"tool_calls":[{"name":1"#,
        #"{"tool_calls":[{"name":"a\"b""#,
        #"{"tool_calls":[{"name":"a","arguments":{}}x"#, #"{"tool_calls":[{"name":"a","arguments":{},"b""#,
        #"{"content":"\ud83dx"}"#, #"{"content":"\x"}"#,
    ]) func whatIsWrittenOtherwiseIsAFailure(text: String) {
        #expect(throws: WireError(.engineUnavailable, "")) { try read(text) }
    }

    @Test func aNameWithoutEndIsAFailure() {
        let long = #"{"tool_calls":[{"name":""# + String(repeating: "a", count: 65)
        #expect(throws: WireError(.engineUnavailable, "")) { try read(long) }
    }

    @Test func idsAreOfChance() {
        let ids = (0..<100).map { _ in WrittenAnswer.randomID() }
        #expect(Set(ids).count == 100 && ids.allSatisfy { ToolLimits.isID($0) && $0.hasPrefix("call_") })
    }

    /// What is written around a call may be longer than what is paid ahead.
    @Test func tokensThatLeaveNothingAreKnown() throws {
        var answer = EngineAnswer(request(ToolUse(tools: [now])))
        var between: [Bool] = []
        for text in [
            #"{\n "#, #"\"tool_calls\":[{"#, #"\"name\":\"now\""#, ",", #"\"arguments\":"#, "{}", "}]}", "",
        ] {
            let event = #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"\#(text)"}}]}"#
            _ = try answer.take(Array(event.utf8))
            between.append(answer.isBetween)
        }
        #expect(between == [true, true, false, true, true, false, true, false])
        var words = EngineAnswer(request(nil))
        _ = try words.take(Array(#"{"choices":[{"delta":{"content":"x"}}]}"#.utf8))
        #expect(!words.isBetween)
    }

    private func ended(_ text: String, _ finish: String, stop: [String]? = nil) throws
        -> EngineAnswer.Complete
    {
        var asked = request(ToolUse(tools: [now]))
        asked.sampling.stop = stop
        var answer = EngineAnswer(asked)
        let quoted = String(decoding: try WireCoding.encoder.encode(text), as: UTF8.self)
        for event in [
            #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":\#(quoted)}}]}"#,
            #"{"choices":[{"finish_reason":"\#(finish)","index":0,"delta":{}}]}"#,
            #"{"choices":[],"usage":{"completion_tokens":24,"prompt_tokens":37}}"#, "[DONE]",
        ] { _ = try answer.take(Array(event.utf8)) }
        return try answer.complete()
    }

    @Test func theEndSaysWhatTheAnswerIs() throws {
        let call = #"{"tool_calls":[{"name":"now","arguments":{}}]}"#
        #expect(try ended(call, "stop").finish == .toolCalls)
        #expect(try ended(#"{"content":"x"}"#, "stop").finish == .stop)
        #expect(try ended(String(call.dropLast(3)), "length").finish == .length)
        #expect(try ended(#"{"content":"x"#, "stop", stop: ["y"]).finish == .stop)
        #expect(try ended(String(call.dropLast(3)), "stop", stop: ["}"]).finish == .length)
        // The engine says that it is done, and it is not.
        #expect(throws: WireError(.engineUnavailable, "")) { try ended(String(call.dropLast()), "stop") }
    }
}

@Suite struct ToolSheetTests {
    @Test func functionsCallsAndResultsAreWrittenForAnyTemplate() {
        let calls = [
            ToolCall(id: "1", name: "get_weather", arguments: #"{"city":"Rome"}"#),
            ToolCall(id: "2", name: "now", arguments: "{broken"),
        ]
        let messages = ToolSheet.messages(
            of: request(
                ToolUse(tools: [weather, now]),
                [
                    ChatMessage(role: "developer", content: "Be short."),
                    ChatMessage(role: "user", content: "Rome?"),
                    ChatMessage(role: "assistant", content: "", calls: calls),
                    ChatMessage(role: "tool", content: "rain", answers: "1"),
                    ChatMessage(role: "tool", content: "noon", answers: "2"),
                    ChatMessage(role: "user", content: "Thanks."),
                ]))
        #expect(messages.map(\.role) == ["system", "user", "assistant", "user", "user"])
        #expect(messages.allSatisfy { $0.calls == nil && $0.answers == nil })
        #expect(
            messages[0].content == """
                Be short.

                These functions can be called, each with the JSON schema of its arguments:
                {"name":"get_weather","description":"The \\"weather\\"","parameters":\(weather.parameters ?? "")}
                {"name":"now"}
                To call, answer with JSON: {"tool_calls":[{"name":NAME,"arguments":{ARGUMENTS}}]}. When no function helps, \
                answer with JSON: {"content":TEXT}.
                """)
        #expect(
            messages[2].content
                == #"{"tool_calls":[{"name":"get_weather","arguments":{"city":"Rome"}},{"name":"now","arguments":"{broken"}]}"#
        )
        #expect(messages[3].content == "Result of get_weather: rain\nResult of now: noon")
    }

    @Test func whoAskedNothingOfItIsToldNothing() {
        let plain = [
            ChatMessage(role: "user", content: "Result of x"), ChatMessage(role: "user", content: "y"),
        ]
        #expect(ToolSheet.messages(of: request(nil, plain)) == plain)
        let named = ToolSheet.text(ToolUse(tools: [now], choice: .required, only: "now"))
        #expect(named.hasSuffix("Call now now.") && !named.contains("content"))
    }

    private func schema(_ use: ToolUse, _ format: AnswerFormat? = nil) throws -> String {
        var asked = request(use)
        asked.format = format
        let bytes = try EngineRequest(asked, maxTokens: 5, stranger: true).json()
        try bytes.withUnsafeBytes { json in
            var scanner = JSONScanner(json)
            try scanner.validate()
            try scanner.expectEnd()
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#","response_format":{"type":"json_schema","json_schema":{"schema":{"#))
        #expect(!text.contains(#""tools""#), "the engine's own way depends on the model's template")
        return text
    }

    @Test func theSchemaAdmitsCallsOrWordsAndMovesReferences() throws {
        let any = try schema(ToolUse(tools: [weather, now]))
        #expect(any.contains(#"{"anyOf":[{"type":"object","properties":{"tool_calls":"#))
        #expect(
            any.contains(#""maxItems":16,"#)
                && any.contains(##"{"name":{"const":"now"},"arguments":{"$ref":"#/$defs/f1"}}"##))
        #expect(
            any.contains(
                ##""f0":{"type":"object","properties":{"city":{"$ref":"#/$defs/f0/$defs/City"}},"$defs":{"City""##
            ))
        #expect(any.contains(#""f1":{"type":"object","properties":{},"additionalProperties":false}"#))
        #expect(any.contains(#""words":{"type":"string"}"#))
        let one = try schema(ToolUse(tools: [weather, now], choice: .required, only: "now", parallel: true))
        #expect(
            !one.contains("anyOf\":[{\"type\":\"object\",\"properties\":{\"tool_calls\"")
                && !one.contains("words"))
        #expect(one.contains(#""maxItems":1,"#) && !one.contains(#"{"const":"get_weather"}"#))
        let shaped = try schema(
            ToolUse(tools: [now]), .schema(##"{"$defs":{"a":{"type":"null"}},"$ref":"#/$defs/a"}"##))
        #expect(shaped.contains(##""words":{"$defs":{"a":{"type":"null"}},"$ref":"#/$defs/words/$defs/a"}"##))
        #expect(try schema(ToolUse(tools: [now]), .object).contains(#""words":{"type":"object"}"#))
    }

    @Test func whatOnlyLooksLikeAReferenceIsLeft() {
        let data =
            ##"{"enum":[{"$ref":"#/x"}],"const":{"$ref":"#/x"},"properties":{"$ref":{"$ref":"#/$defs/a"},"enum":{"$ref":"#/$defs/a"}}}"##
        #expect(
            String(decoding: ToolSchema.moved(data, to: "/p"), as: UTF8.self)
                == data.replacing("#/$defs/a", with: "#/p/$defs/a"))
    }
}

@Suite struct ToolRulesTests {
    private let limits = RequestLimits(ExecSection())

    private static func many(_ count: Int, _ parameters: String? = nil) -> ToolUse {
        ToolUse(tools: (0..<count).map { Tool(name: "f\($0)", parameters: parameters) })
    }
    private static func values(_ count: Int) -> String {
        #"{"enum":["# + (0..<count).map(String.init).joined(separator: ",") + "]}"
    }
    private static func one(_ name: String, _ description: String? = nil, _ parameters: String? = nil)
        -> ToolUse
    {
        ToolUse(tools: [Tool(name: name, description: description, parameters: parameters)])
    }

    @Test func whatIsWithinTheBoundsIsTaken() throws {
        #expect(try limits.check(request(Self.many(64)), agreed: 9) == 9)
        #expect(try limits.check(request(Self.many(30, Self.values(128))), agreed: 9) == 9)
        _ = try limits.check(
            request(ToolUse(tools: [weather, now], choice: .required, only: "now")), agreed: 9)
    }

    @Test(arguments: [
        ToolUse(tools: []), many(65), ToolUse(tools: [now, now]), one(""), one("a b"), one("é"),
        one(String(repeating: "a", count: 65)), one("a", String(repeating: "d", count: (8 << 10) + 1)),
        one("a", nil, "[]"), one("a", nil, "{"), one("a", nil, #"{"a":1},"b":{}"#),
        one("a", nil, #"{"pattern":"x"}"#),
        one("a", nil, values(129)), many(40, values(128)),
        one("a", nil, #"{"title":""# + String(repeating: "x", count: 16 << 10) + #""}"#),
        ToolUse(
            tools: (0..<9).map { Tool(name: "f\($0)", description: String(repeating: "d", count: 8 << 10)) }),
        ToolUse(tools: [now], choice: .required, only: "later"),
    ]) func whatIsBeyondIsRefused(use: ToolUse) {
        #expect(throws: WireError(.invalidRequest, "")) { try limits.check(request(use), agreed: 9) }
    }

    @Test func theRestOfTheRequestIsHeldToItsBoundsToo() throws {
        func asked(_ sampling: Sampling, _ tools: ToolUse? = nil) -> InferenceRequest {
            InferenceRequest(
                model: "m", messages: [ChatMessage(role: "user", content: "x")], sampling: sampling,
                tools: tools)
        }
        _ = try limits.check(asked(Sampling(logprobs: 20, logitBias: ["0": -100, "49151": 100])), agreed: 9)
        let many = Dictionary(uniqueKeysWithValues: (0..<301).map { (String($0), 1.0) })
        for wrong in [
            asked(Sampling(logprobs: 21)), asked(Sampling(logprobs: -1)),
            asked(Sampling(logprobs: 1), ToolUse(tools: [now])), asked(Sampling(logitBias: ["x": 1])),
            asked(Sampling(logitBias: ["-1": 1])), asked(Sampling(logitBias: ["01": 1])),
            asked(Sampling(logitBias: ["1": 100.5])), asked(Sampling(logitBias: ["1": .nan])),
            asked(Sampling(logitBias: many)),
            request(nil, [ChatMessage(role: "tool", content: "x", answers: "a")]),
        ] { #expect(throws: WireError(.invalidRequest, "")) { try limits.check(wrong, agreed: 9) } }
        let long = ToolCall(id: "a", name: "b", arguments: String(repeating: "x", count: 1 << 20))
        #expect(throws: WireError(.tooLarge, "")) {
            try limits.check(
                request(
                    nil,
                    [
                        ChatMessage(role: "assistant", content: "", calls: [long]),
                        ChatMessage(role: "tool", content: "", answers: "a"),
                    ]), agreed: 9)
        }
    }

    @Test func likelihoodsAndBiasesAreAskedOfTheEngine() throws {
        func body(_ sampling: Sampling) throws -> String {
            let asked = InferenceRequest(
                model: "m", messages: [ChatMessage(role: "user", content: "x")], sampling: sampling)
            return String(
                decoding: try EngineRequest(asked, maxTokens: 5, stranger: true).json(), as: UTF8.self)
        }
        // With none of the likeliest the engine would tell nothing.
        #expect(try body(Sampling(logprobs: 0)).contains(#""logprobs":true"#))
        #expect(try body(Sampling(logprobs: 0)).contains(#""top_logprobs":1"#))
        #expect(try body(Sampling(logprobs: 20)).contains(#""top_logprobs":20"#))
        #expect(try body(Sampling(logitBias: ["7": -1.5])).contains(#""logit_bias":{"7":-1.5}"#))
        #expect(try !body(Sampling()).contains("logprobs") && !body(Sampling()).contains("logit_bias"))
    }

    @Test func likelihoodsAreReadAsTheEngineTellsThem() throws {
        let chunk =
            #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"🔍"},"logprobs":{"content":[{"id":231,"token":"🔍","bytes":[240,159,148,141],"logprob":-0.5,"top_logprobs":[{"id":231,"token":"\ufffd","bytes":[141],"logprob":-0.5},{"id":1,"token":"x","bytes":[120],"logprob":null}]}]}}]}"#
        for most in [0, 1, 2] {
            var answer = EngineAnswer(
                InferenceRequest(model: "m", messages: [], sampling: Sampling(logprobs: most)))
            let token = try #require(try answer.take(Array(chunk.utf8)).tokens.first)
            #expect(token.chosen.bytes == [240, 159, 148, 141] && token.chosen.logprob == -0.5)
            #expect(token.top.map(\.logprob) == Array([-0.5, -9_999].prefix(most)))
        }
        var plain = EngineAnswer(request(nil))
        #expect(try plain.take(Array(chunk.utf8)) == AnswerPiece(text: "🔍"))
        for wrong in [#"{"content":5}"#, "7", #"{"content":[{"token":"x"}]}"#] {
            var answer = EngineAnswer(request(nil))
            let bytes = Array(#"{"choices":[{"delta":{},"logprobs":\#(wrong)}]}"#.utf8)
            #expect(throws: WireError(.engineUnavailable, "")) { try answer.take(bytes) }
        }
    }
}
