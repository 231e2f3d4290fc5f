// Proves that functions, calls and their results arrive as they were sent, and that what cannot be kept is refused by name.

import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite struct ChatToolsTests {
    static let now = #"{"type":"function","function":{"name":"now"}}"#
    static let weather =
        #"{"type":"function","function":{"name":"get_weather","description":"d","strict":true,"parameters":{"type":"object","properties":{"z":{"type":"number"},"a":{"enum":["é",null]}}}}}"#

    private static func parse(_ rest: String, messages: String = #"[{"role":"user","content":"hi"}]"#) throws
        -> ChatRequest
    {
        let body = #"{"model":"m","messages":\#(messages)"# + (rest.isEmpty ? "}" : ",\(rest)}")
        return try Array(body.utf8).withUnsafeBytes { bytes throws in try ChatRequest.parse(bytes) }
    }

    @Test func functionsArriveAndSchemasKeepTheirOrder() throws {
        let tools = try Self.parse(#""tools":[\#(Self.weather),\#(Self.now)]"#).inference.tools
        let schema = #"{"type":"object","properties":{"z":{"type":"number"},"a":{"enum":["é",null]}}}"#
        #expect(
            tools
                == ToolUse(tools: [
                    Tool(name: "get_weather", description: "d", parameters: schema), Tool(name: "now"),
                ]))
    }

    static let choices: [(String, ToolUse?)] = [
        (#""auto""#, ToolUse(tools: [Tool(name: "now")])), (#""none""#, nil),
        ("null", ToolUse(tools: [Tool(name: "now")])),
        (#""required""#, ToolUse(tools: [Tool(name: "now")], choice: .required)),
        (
            #"{"type":"function","function":{"name":"now"}}"#,
            ToolUse(tools: [Tool(name: "now")], choice: .required, only: "now")
        ),
    ]

    @Test(arguments: choices) func theChoiceArrives(_ choice: String, _ use: ToolUse?) throws {
        // Whatever stands first.
        for rest in [
            #""tools":[\#(Self.now)],"tool_choice":\#(choice)"#,
            #""tool_choice":\#(choice),"tools":[\#(Self.now)]"#,
        ] {
            #expect(try Self.parse(rest).inference.tools == use)
        }
        var single = use
        single?.parallel = false
        #expect(
            try Self.parse(#""tools":[\#(Self.now)],"parallel_tool_calls":false,"tool_choice":\#(choice)"#)
                .inference.tools
                == single)
    }

    @Test func whatNamesNoFunctionsIsAsBefore() throws {
        for rest in [
            "", #""tools":[]"#, #""tools":null,"tool_choice":"auto","parallel_tool_calls":true"#,
            #""tool_choice":"none""#,
        ] {
            #expect(try !Self.parse(rest).inference.isExtended)
        }
    }

    @Test func callsAndResultsArrive() throws {
        let request = try Self.parse(
            "",
            messages: #"""
                [{"role":"user","content":"when?"},
                 {"role":"assistant","content":null,"refusal":null,"tool_calls":[
                   {"id":"call_1","type":"function","function":{"name":"now","arguments":"{\"z\":1}"}},
                   {"id":"call_2","index":1,"function":{"name":"now","arguments":""}}]},
                 {"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"noon"}]},
                 {"role":"tool","tool_call_id":"call_1","content":"one"}]
                """#)
        #expect(request.inference.isExtended && !request.inference.hasParts)
        #expect(
            request.inference.messages.dropFirst() == [
                ChatMessage(
                    role: "assistant", content: "",
                    calls: [
                        ToolCall(id: "call_1", name: "now", arguments: #"{"z":1}"#),
                        ToolCall(id: "call_2", name: "now", arguments: ""),
                    ]), ChatMessage(role: "tool", content: "noon", answers: "call_2"),
                ChatMessage(role: "tool", content: "one", answers: "call_1"),
            ])
    }

    private static func function(_ inside: String) -> String {
        #""tools":[{"type":"function","function":{\#(inside)}}]"#
    }
    private static let calls =
        #"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"now","arguments":"{}"}}]}"#

    static let refused: [(String, String, String)] = [
        (#""tools":{}"#, "tools", "invalid_type"), (#""tools":[1]"#, "tools[0]", "invalid_type"),
        (#""tools":[{"function":{"name":"a"}}]"#, "tools[0].type", "missing_required_parameter"),
        (#""tools":[{"type":"custom","custom":{}}]"#, "tools[0].type", "invalid_value"),
        (#""tools":[{"type":"function"}]"#, "tools[0].function", "missing_required_parameter"),
        (#""tools":[\#(now),\#(now)]"#, "tools[1].function.name", "invalid_value"),
        (#""tools":[\#((0..<65).map { _ in now }.joined(separator: ","))]"#, "tools", "invalid_value"),
        (function("\"description\":\"d\""), "tools[0].function.name", "missing_required_parameter"),
        (function(#""name":"a b""#), "tools[0].function.name", "invalid_value"),
        (
            function(#""name":"\#(String(repeating: "a", count: 65))""#), "tools[0].function.name",
            "invalid_value"
        ),
        (function(#""name":"a","color":1"#), "tools[0].function.color", "unsupported_parameter"),
        (function(#""name":"a","strict":"yes""#), "tools[0].function.strict", "invalid_type"),
        (function(#""name":"a","description":7"#), "tools[0].function.description", "invalid_type"),
        (function(#""name":"a","parameters":[1]"#), "tools[0].function.parameters", "invalid_type"),
        (
            function(#""name":"a","parameters":{"type":"string"}"#), "tools[0].function.parameters",
            "invalid_value"
        ),
        (
            function(
                #""name":"a","parameters":{"type":"object","title":"\#(String(repeating: "x", count: 16 << 10))"}"#
            ),
            "tools[0].function.parameters", "invalid_value"
        ),
        (#""tool_choice":"required""#, "tool_choice", "invalid_value"),
        (#""tool_choice":{"type":"function","function":{"name":"now"}}"#, "tool_choice", "invalid_value"),
        (
            #""tools":[\#(now)],"tool_choice":{"type":"function","function":{"name":"then"}}"#, "tool_choice",
            "invalid_value"
        ),
        (#""tools":[\#(now)],"tool_choice":"any""#, "tool_choice", "invalid_value"),
        (#""tools":[\#(now)],"tool_choice":7"#, "tool_choice", "invalid_type"),
        (#""tools":[\#(now)],"tool_choice":{"type":"allowed_tools"}"#, "tool_choice.type", "invalid_value"),
        (
            #""tools":[\#(now)],"tool_choice":{"type":"function"}"#, "tool_choice.function",
            "missing_required_parameter"
        ),
        (#""tools":[\#(now)],"parallel_tool_calls":1"#, "parallel_tool_calls", "invalid_type"),
    ]

    @Test(arguments: refused) func whatCannotBeKeptIsNamed(_ rest: String, _ param: String, _ code: String) {
        let error = #expect(throws: APIError.self) { try Self.parse(rest) }
        #expect((error?.status, error?.param, error?.code) == (400, param, code))
    }

    static let conversations: [(String, String, String)] = [
        (#"[{"role":"tool","content":"x","tool_call_id":"a"}]"#, "messages[0].tool_call_id", "invalid_value"),
        (#"[{"role":"tool","content":"x"}]"#, "messages[0].tool_call_id", "invalid_value"),
        ("[\(calls)]", "messages[0]", "invalid_value"),
        (#"[\#(calls),{"role":"user","content":"x"}]"#, "messages[0]", "invalid_value"),
        (
            #"[\#(calls),{"role":"tool","tool_call_id":"b","content":"x"}]"#, "messages[1].tool_call_id",
            "invalid_value"
        ),
        (
            #"[\#(calls),{"role":"tool","tool_call_id":"a","content":null}]"#, "messages[1].content",
            "invalid_type"
        ),
        (
            #"[{"role":"user","content":"x","tool_calls":[]}, {"role":"assistant"}]"#, "messages[1].content",
            "missing_required_parameter"
        ),
        (#"[{"role":"assistant","tool_calls":{"a":1}}]"#, "messages[0].tool_calls", "invalid_type"),
        (
            #"[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"a","arguments":""}}]}]"#,
            "messages[0].tool_calls[0].id", "missing_required_parameter"
        ),
        (
            #"[{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}]"#,
            "messages[0].tool_calls[0].type", "invalid_value"
        ),
        (
            #"[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"a"}}]}]"#,
            "messages[0].tool_calls[0].function.arguments", "missing_required_parameter"
        ),
        (
            #"[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"a","arguments":{}}}]}]"#,
            "messages[0].tool_calls[0].function.arguments", "invalid_type"
        ),
    ]

    @Test(arguments: conversations) func whatDoesNotBelongTogetherIsNamed(
        _ messages: String, _ param: String, _ code: String
    ) {
        let error = #expect(throws: APIError.self) { try Self.parse("", messages: messages) }
        #expect((error?.status, error?.param, error?.code) == (400, param, code))
    }

    @Test func likelihoodsAndBiasesArrive() throws {
        let asked = try Self.parse(#""logprobs":true,"top_logprobs":5,"logit_bias":{"7":-1.5,"0":100}"#)
            .inference
        #expect(
            asked.sampling.logprobs == 5 && asked.sampling.logitBias == ["7": -1.5, "0": 100]
                && asked.hasParts)
        #expect(try Self.parse(#""logprobs":true"#).inference.sampling.logprobs == 0)
        for nothing in [#""logprobs":false,"top_logprobs":0"#, #""logit_bias":{}"#, #""logprobs":null"#] {
            #expect(try !Self.parse(nothing).inference.isExtended)
        }
    }
}
