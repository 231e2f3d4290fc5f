// Proves that a chat request is read strictly: each wrong type and value is named, nothing that matters is dropped.

import NodeModel
import Testing

@testable import WSCore

@Suite struct ChatRequestTests {
    private func parse(_ json: String) throws(APIError) -> ChatRequest {
        let outcome = Array(json.utf8).withUnsafeBytes { bytes -> Result<ChatRequest, APIError> in
            do throws(APIError) { return .success(try ChatRequest.parse(bytes)) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func with(_ rest: String) -> String {
        #"{"model":"m","messages":[{"role":"user","content":"hi"}]\#(rest.isEmpty ? "" : ","+rest)}"#
    }

    @Test func everyParameterArrives() throws {
        let request = try parse(
            with(
                #"""
                "temperature":0.5,"top_p":1,"presence_penalty":-2,"frequency_penalty":2,"seed":-7,"max_tokens":12,
                "stop":["a","b"],"n":1,"stream":true,"stream_options":{"include_usage":true},"user":"me",
                "metadata":{"a":"b"},"store":true,"logprobs":false,"tools":[],"response_format":{"type":"text"},
                "tool_choice":"none","logit_bias":null
                """#))
        let sampling = request.inference.sampling
        #expect(
            sampling
                == Sampling(
                    temperature: 0.5, topP: 1, seed: -7, presencePenalty: -2, frequencyPenalty: 2,
                    maxTokens: 12,
                    stop: ["a", "b"]))
        #expect(request.stream && request.includeUsage)
        #expect(request.inference.messages == [ChatMessage(role: "user", content: "hi")])
    }

    @Test func textPartsAndRolesAreUnderstood() throws {
        let request = try parse(
            #"""
            {"model":"m","max_completion_tokens":5,"stop":"x","messages":[
             {"role":"system","content":"s"},{"role":"developer","content":"d"},
             {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
             {"role":"assistant","content":"c","refusal":null,"tool_calls":null,"annotations":[]}]}
            """#)
        #expect(request.inference.messages.map(\.role) == ["system", "developer", "user", "assistant"])
        #expect(request.inference.messages[2].content == "a\nb")
        #expect(request.inference.sampling.maxTokens == 5)
        #expect(request.inference.sampling.stop == ["x"])
        #expect(!request.stream)
    }

    @Test func formatsArriveAndASchemaKeepsItsOrder() throws {
        #expect(try parse(with(#""response_format":{"type":"json_object"}"#)).inference.format == .object)
        #expect(try parse(with(#""response_format":{"type":"text"}"#)).inference.format == nil)
        let schema =
            #"{"type":"object","properties":{"z":{"type":"number","maximum":1.5e3},"a":{"enum":["\u00e9\n\"",null,true,-7]}}}"#
        let format = try parse(
            with(
                #"""
                "response_format":{"type":"json_schema","json_schema":{"name":"an-Answer_1","strict":true,
                "description":"d","schema": \#(schema) }}
                """#)
        ).inference.format
        #expect(
            format
                == .schema(
                    #"{"type":"object","properties":{"z":{"type":"number","maximum":1500.0},"a":{"enum":["é\n\"",null,true,-7]}}}"#
                ))
        let long = String(repeating: "x", count: AnswerFormat.longestSchema)
        let error = #expect(throws: APIError.self) {
            try parse(
                with(
                    #""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"title":"\#(long)"}}}"#
                ))
        }
        #expect(error?.param == "response_format.json_schema.schema")
    }

    /// What is refused, by the parameter that the error must name and its code.
    static let refused: [(String, String?, String)] = [
        (#""temperature":"hot""#, "temperature", "invalid_type"),
        (#""temperature":2.1"#, "temperature", "invalid_value"),
        (#""temperature":-0.1"#, "temperature", "invalid_value"),
        (#""top_p":1.5"#, "top_p", "invalid_value"),
        (#""top_p":true"#, "top_p", "invalid_type"),
        (#""presence_penalty":3"#, "presence_penalty", "invalid_value"),
        (#""frequency_penalty":[]"#, "frequency_penalty", "invalid_type"),
        (#""seed":1.5"#, "seed", "invalid_type"),
        (#""max_tokens":0"#, "max_tokens", "invalid_value"),
        (#""max_tokens":"5""#, "max_tokens", "invalid_type"),
        (#""max_tokens":5,"max_completion_tokens":6"#, "max_tokens", "invalid_value"),
        (#""stop":["a","b","c","d","e"]"#, "stop", "invalid_value"),
        (#""stop":[1]"#, "stop[0]", "invalid_type"),
        (#""stop":"""#, "stop", "invalid_value"),
        (#""n":2"#, "n", "unsupported_parameter"),
        (#""n":"1""#, "n", "invalid_type"),
        (#""stream":"yes""#, "stream", "invalid_type"),
        (#""stream_options":{"include_usage":true}"#, "stream_options", "invalid_value"),
        (
            #""stream":true,"stream_options":{"include_usage":1}"#, "stream_options.include_usage",
            "invalid_type"
        ),
        (#""stream":true,"stream_options":[]"#, "stream_options", "invalid_type"),
        (#""functions":[{"name":"a"}]"#, "functions", "unsupported_parameter"),
        (#""logprobs":1"#, "logprobs", "invalid_type"),
        (#""top_logprobs":3"#, "top_logprobs", "invalid_value"),
        (#""logprobs":true,"top_logprobs":21"#, "top_logprobs", "invalid_value"),
        (#""logprobs":true,"tools":[\#(ChatToolsTests.now)]"#, "logprobs", "unsupported_parameter"),
        (#""response_format":"json_object""#, "response_format", "invalid_type"),
        (#""response_format":{}"#, "response_format.type", "missing_required_parameter"),
        (#""response_format":{"type":"xml"}"#, "response_format.type", "invalid_value"),
        (#""response_format":{"type":"json_object","a":1}"#, "response_format.a", "unsupported_parameter"),
        (
            #""response_format":{"type":"json_schema"}"#, "response_format.json_schema",
            "missing_required_parameter"
        ),
        (
            #""response_format":{"type":"json_schema","json_schema":{"schema":{}}}"#,
            "response_format.json_schema.name", "missing_required_parameter"
        ),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{}}}"#,
            "response_format.json_schema.name", "invalid_value"
        ),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":[]}}"#,
            "response_format.json_schema.schema", "invalid_type"
        ),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{},"strict":1}}"#,
            "response_format.json_schema.strict", "invalid_type"
        ),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{},"rule":1}}"#,
            "response_format.json_schema.rule", "unsupported_parameter"
        ),
        (#""logit_bias":{"1":101}"#, "logit_bias.1", "invalid_value"),
        (#""logit_bias":{"the":2}"#, "logit_bias", "invalid_value"),
        (#""logit_bias":[1]"#, "logit_bias", "invalid_type"),
        (#""reasoning_effort":"low""#, "reasoning_effort", "unsupported_parameter"),
        (#""modalities":["audio"]"#, "modalities", "unsupported_parameter"),
        (#""top_k":5"#, "top_k", "unsupported_parameter"),
    ]

    @Test(arguments: refused)
    func wrongParametersAreNamed(_ rest: String, _ param: String?, _ code: String) {
        let error = #expect(throws: APIError.self) { try parse(with(rest)) }
        #expect(error?.status == 400)
        #expect(error?.type == "invalid_request_error")
        #expect(error?.param == param)
        #expect(error?.code == code)
    }

    static let bodies: [(String, String?, String)] = [
        (#"{"messages":[{"role":"user","content":"x"}]}"#, "model", "missing_required_parameter"),
        (#"{"model":"m"}"#, "messages", "missing_required_parameter"),
        (#"{"model":null,"messages":[]}"#, "model", "invalid_type"),
        (#"{"model":7,"messages":[]}"#, "model", "invalid_type"),
        (#"{"model":"","messages":[]}"#, "model", "invalid_value"),
        (#"{"model":"m","messages":"hi"}"#, "messages", "invalid_type"),
        (#"{"model":"m","messages":[]}"#, "messages", "empty_array"),
        (#"{"model":"m","messages":["hi"]}"#, "messages[0]", "invalid_type"),
        (#"{"model":"m","messages":[{"content":"x"}]}"#, "messages[0].role", "missing_required_parameter"),
        (#"{"model":"m","messages":[{"role":"user"}]}"#, "messages[0].content", "missing_required_parameter"),
        (
            #"{"model":"m","messages":[{"role":"user","content":null}]}"#, "messages[0].content",
            "invalid_type"
        ),
        (#"{"model":"m","messages":[{"role":"king","content":"x"}]}"#, "messages[0].role", "invalid_value"),
        (
            #"{"model":"m","messages":[{"role":"function","name":"a","content":"x"}]}"#, "messages[0].role",
            "unsupported_parameter"
        ),
        (#"{"model":"m","messages":[{"role":"user","content":5}]}"#, "messages[0].content", "invalid_type"),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
            "messages[0].content[0].type", "unsupported_parameter"
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":"x","name":"bob"}]}"#, "messages[0].name",
            "unsupported_parameter"
        ),
        (#"["model"]"#, nil, "invalid_json"),
        (#"{"model":"m","#, nil, "invalid_json"),
        (#""#, nil, "invalid_json"),
        (#"{"model":"m","model":"n","messages":[]}"#, nil, "invalid_json"),
        (#"{"model":"m","messages":[{"role":"user","content":"x"}],"seed":01}"#, nil, "invalid_json"),
        (#"{"model":"m","messages":[{"role":"user","content":"\ud800"}]}"#, nil, "invalid_json"),
        (#"{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":NaN}"#, nil, "invalid_json"),
        (
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1e999}"#, nil,
            "invalid_json"
        ),
        (#"{"model":"m","messages":[{"role":"user","content":"x"}]} x"#, nil, "invalid_json"),
    ]

    @Test(arguments: bodies)
    func wrongBodiesAreNamed(_ body: String, _ param: String?, _ code: String) {
        let error = #expect(throws: APIError.self) { try parse(body) }
        #expect(error?.status == 400)
        #expect(error?.param == param)
        #expect(error?.code == code)
    }

    /// A million brackets must neither be slow nor overflow the stack.
    @Test func deepNestingIsRefused() {
        let error = #expect(throws: APIError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(error?.code == "invalid_json")
    }
}
