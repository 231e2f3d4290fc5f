// Proves that a request for a response is read strictly: what a model is asked is what was sent, and what cannot be is named.

import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite struct ResponsesRequestTests {
    private static func parse(_ rest: String, input: String = #""hi""#) throws -> ResponsesRequest {
        let body = #"{"model":"m","input":\#(input)"# + (rest.isEmpty ? "}" : ",\(rest)}")
        return try Array(body.utf8).withUnsafeBytes { bytes throws in try ResponsesRequest.parse(bytes) }
    }

    @Test func everyParameterArrives() throws {
        let request = try Self.parse(
            #"""
            "instructions":"be brief","temperature":0.5,"top_p":1,"max_output_tokens":12,"stream":true,
            "stream_options":{"include_obfuscation":false},"include":["reasoning.encrypted_content",
            "message.output_text.logprobs"],"top_logprobs":3,"text":{"format":{"type":"json_object"},"verbosity":"medium"},
            "user":"me","metadata":{"a":"b"},"store":true,"truncation":"disabled","reasoning":{"effort":null},
            "tools":[],"tool_choice":"none","background":false,"previous_response_id":null,"max_tool_calls":3
            """#)
        #expect(
            request.inference
                == InferenceRequest(
                    model: "m",
                    messages: [
                        ChatMessage(role: "system", content: "be brief"),
                        ChatMessage(role: "user", content: "hi"),
                    ], sampling: Sampling(temperature: 0.5, topP: 1, maxTokens: 12, logprobs: 3),
                    format: .object))
        #expect(request.stream)
    }

    @Test func aConversationArrives() throws {
        let request = try Self.parse(
            "",
            input: #"""
                [{"role":"developer","content":"d"},
                 {"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
                 {"type":"message","id":"msg_1_0","status":"completed","role":"assistant","content":[
                   {"type":"output_text","text":"c","annotations":[],"logprobs":[]}]}]
                """#)
        #expect(
            request.inference.messages == [
                ChatMessage(role: "developer", content: "d"), ChatMessage(role: "user", content: "a\nb"),
                ChatMessage(role: "assistant", content: "c"),
            ])
        #expect(!request.inference.isExtended && !request.stream)
    }

    private static func call(_ id: String) -> String {
        #"{"type":"function_call","id":"fc_1","call_id":"\#(id)","name":"now","arguments":"{}","status":"completed"}"#
    }
    private static func output(_ id: String, _ text: String) -> String {
        #"{"type":"function_call_output","call_id":"\#(id)","output":\#(text)}"#
    }
    private static let said = #"{"role":"assistant","content":"a moment"}"#
    private static func items(_ items: String...) -> String { "[\(items.joined(separator: ","))]" }

    @Test func callsBelongToTheTurnThatMadeThem() throws {
        let calls = ["a", "b"].map { ToolCall(id: $0, name: "now", arguments: "{}") }
        let results = [
            ChatMessage(role: "tool", content: "one", answers: "b"),
            ChatMessage(role: "tool", content: "two", answers: "a"),
        ]
        let parts = #"[{"type":"input_text","text":"two"}]"#
        let outputs = (Self.output("b", #""one""#), Self.output("a", parts))
        // With words before them, or without; the results behind both calls, or between them.
        #expect(
            try Self.parse(
                "", input: Self.items(Self.said, Self.call("a"), Self.call("b"), outputs.0, outputs.1)
            ).inference.messages
                == [ChatMessage(role: "assistant", content: "a moment", calls: calls)] + results)
        #expect(
            try Self.parse(
                "", input: Self.items(Self.call("b"), Self.call("a"), outputs.0, outputs.1)
            ).inference.messages
                == [ChatMessage(role: "assistant", content: "", calls: calls.reversed())] + results)
        #expect(
            try Self.parse(
                "",
                input: Self.items(
                    Self.call("a"), Self.call("c"), outputs.1, Self.call("b"), Self.output("c", #""x""#),
                    outputs.0)
            ).inference.messages.map { $0.calls?.map(\.id) ?? [$0.answers ?? ""] } == [
                ["a", "c", "b"], ["a"], ["c"], ["b"],
            ])
        // A call behind all results begins a turn of its own.
        #expect(
            try Self.parse(
                "", input: Self.items(Self.call("a"), outputs.1, Self.call("b"), outputs.0)
            ).inference.messages.map(\.role) == ["assistant", "tool", "assistant", "tool"])
    }

    @Test func functionsStandBesideTheirType() throws {
        let tool =
            #"{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object","properties":{"z":{},"a":{}}}}"#
        let use = ToolUse(
            tools: [
                Tool(
                    name: "f", description: "d",
                    parameters: #"{"type":"object","properties":{"z":{},"a":{}}}"#)
            ], choice: .required, only: "f", parallel: false)
        let request = try Self.parse(
            #""tools":[\#(tool)],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false"#)
        #expect(request.inference.tools == use)
    }

    @Test func aSchemaStandsBesideItsType() throws {
        let schema = #"{"type":"object","properties":{"z":{},"a":{}}}"#
        let request = try Self.parse(
            #""text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":\#(schema)}}"#)
        #expect(request.inference.format == .schema(schema))
    }

    static let refused: [(String, String, String)] = [
        (#""temperature":"hot""#, "temperature", "invalid_type"),
        (#""max_output_tokens":0"#, "max_output_tokens", "invalid_value"),
        (#""instructions":["be"]"#, "instructions", "invalid_type"),
        (#""previous_response_id":"resp_1""#, "previous_response_id", "unsupported_parameter"),
        (#""conversation":"conv_1""#, "conversation", "unsupported_parameter"),
        (#""background":true"#, "background", "unsupported_parameter"),
        (#""prompt":{"id":"p"}"#, "prompt", "unsupported_parameter"),
        (#""reasoning":{"effort":"high"}"#, "reasoning.effort", "unsupported_parameter"),
        (#""truncation":"auto""#, "truncation", "unsupported_parameter"),
        (#""truncation":"half""#, "truncation", "invalid_value"),
        (#""text":{"verbosity":"low"}"#, "text.verbosity", "unsupported_parameter"),
        (#""text":{"format":{"type":"grammar"}}"#, "text.format.type", "invalid_value"),
        (
            #""text":{"format":{"type":"json_schema","name":"n"}}"#, "text.format.schema",
            "missing_required_parameter"
        ),
        (#""include":["something.else"]"#, "include[0]", "invalid_value"),
        (#""top_logprobs":2"#, "top_logprobs", "invalid_value"),
        (
            #""include":["message.output_text.logprobs"],"tools":[{"type":"function","name":"f"}]"#,
            "include",
            "unsupported_parameter"
        ),
        (#""tools":[{"type":"web_search"}]"#, "tools[0].type", "invalid_value"),
        (
            #""tools":[{"type":"function","function":{"name":"f"}}]"#, "tools[0].function",
            "unsupported_parameter"
        ),
        (#""tools":[{"type":"function"}]"#, "tools[0].name", "missing_required_parameter"),
        (#""stream_options":{}"#, "stream_options", "invalid_value"),
        (#""metadata":[]"#, "metadata", "invalid_type"),
        (#""messages":[]"#, "messages", "unsupported_parameter"),
        (#""seed":1"#, "seed", "unsupported_parameter"), (#""stop":"x""#, "stop", "unsupported_parameter"),
    ]

    @Test(arguments: refused) func whatCannotBeDoneIsNamed(_ rest: String, _ param: String, _ code: String) {
        let error = #expect(throws: APIError.self) { try Self.parse(rest) }
        #expect(error?.param == param && error?.code == code && error?.status == 400, "\(error as Any)")
    }

    static let refusedInputs: [(String, String, String)] = [
        ("7", "input", "invalid_type"), ("[]", "input", "empty_array"), ("[7]", "input[0]", "invalid_type"),
        (items(#"{"role":"user"}"#), "input[0].content", "missing_required_parameter"),
        (items(#"{"content":"x"}"#), "input[0].role", "missing_required_parameter"),
        (items(#"{"role":"tool","content":"x"}"#), "input[0].role", "invalid_value"),
        (items(#"{"role":"user","content":"x","name":"y"}"#), "input[0].name", "unsupported_parameter"),
        (items(#"{"type":"reasoning","summary":[]}"#), "input[0].type", "unsupported_parameter"),
        (items(#"{"type":"item_reference","id":"x"}"#), "input[0].type", "unsupported_parameter"),
        (
            items(#"{"role":"user","content":[{"type":"input_image","image_url":"x"}]}"#),
            "input[0].content[0].type", "unsupported_parameter"
        ),
        (
            items(#"{"role":"user","content":[{"type":"input_text"}]}"#), "input[0].content[0].text",
            "missing_required_parameter"
        ),
        (items(call("a")), "input", "invalid_value"),
        (items(call("a"), #"{"role":"user","content":"x"}"#), "input[1]", "invalid_value"),
        (items(call("a"), call("a")), "input[1].call_id", "invalid_value"),
        (items(call("a b"), output("a b", #""x""#)), "input[0].call_id", "invalid_value"),
        (items(output("a", #""x""#)), "input[0].call_id", "invalid_value"),
        (
            items(call("a"), output("a", #""x""#), output("a", #""x""#)), "input[2].call_id", "invalid_value"
        ),
        (items(call("a"), output("a", "7")), "input[1].output", "invalid_type"),
        (
            items(#"{"type":"function_call","name":"f","arguments":"{}"}"#), "input[0].call_id",
            "missing_required_parameter"
        ),
    ]

    @Test(arguments: refusedInputs)
    func anItemThatCannotBeHandedOnIsNamed(_ input: String, _ param: String, _ code: String) {
        let error = #expect(throws: APIError.self) { try Self.parse("", input: input) }
        #expect(error?.param == param && error?.code == code && error?.status == 400, "\(error as Any)")
    }

    @Test func bothAreRequired() {
        for (body, missing) in [(#"{"input":"x"}"#, "model"), (#"{"model":"m"}"#, "input")] {
            let error = #expect(throws: APIError.self) {
                try Array(body.utf8).withUnsafeBytes { bytes throws in try ResponsesRequest.parse(bytes) }
            }
            #expect(error?.param == missing && error?.code == "missing_required_parameter")
        }
    }
}
