// Proves the exact bytes of responses and their events, and that a stream tells the same as the response at once.

import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite struct ResponsesWriterTests {
    private static let key = "0199d0c2a4b50000000000000000beef"
    private static let usage = Usage(promptTokens: 3, completionTokens: 2)

    private static func writer(_ echo: ResponsesEcho = ResponsesEcho()) -> ResponsesWriter {
        ResponsesWriter(job: JobID("job_" + key), created: 1_790_000_000, model: "m\"1", echo: echo)
    }

    private static func text(_ body: (inout ResponsesWriter, inout JSONWriter) -> Void) -> String {
        var form = writer()
        var out = JSONWriter()
        body(&form, &out)
        return String(decoding: out.bytes, as: UTF8.self)
    }

    /// The response in full, as it stands when nothing was asked for but an answer.
    private static func response(
        _ status: String, _ output: String, usage: String = "null", error: String = "null",
        incomplete: String = "null"
    ) -> String {
        #"{"id":"resp_\#(key)","object":"response","created_at":1790000000,"status":"\#(status)","error":\#(error),"#
            + #""incomplete_details":\#(incomplete),"model":"m\"1","output":[\#(output)],"background":false,"#
            + #""instructions":null,"max_output_tokens":null,"max_tool_calls":null,"parallel_tool_calls":true,"#
            + #""previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":null,"#
            + #""text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":null,"#
            + #""truncation":"disabled","metadata":{},"usage":\#(usage)}"#
    }

    private static let counts =
        #"{"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":2,"#
        + #""output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}"#

    private static func part(_ text: String) -> String {
        #"{"type":"output_text","text":"\#(text)","annotations":[],"logprobs":[]}"#
    }
    private static func message(_ text: String?, _ status: String) -> String {
        #"{"id":"msg_\#(key)_0","status":"\#(status)","type":"message","role":"assistant","content":[\#(text.map(part) ?? "")]}"#
    }
    private static func call(_ index: Int, _ id: String, _ arguments: String, _ status: String) -> String {
        #"{"id":"fc_\#(key)_\#(index)","status":"\#(status)","type":"function_call","call_id":"\#(id)","name":"now","arguments":"\#(arguments)"}"#
    }

    private static func event(_ name: String, _ number: Int, _ members: String) -> String {
        "event: \(name)\ndata: " + #"{"type":"\#(name)","sequence_number":\#(number),\#(members)}"# + "\n\n"
    }
    private static func beginning() -> String {
        let empty = #""response":"# + response("in_progress", "")
        return event("response.created", 0, empty) + event("response.in_progress", 1, empty)
    }

    @Test func aResponseIsByteExact() {
        let whole = Self.text { form, out in
            form.whole(WholeAnswer(text: "Hi \"you\""), .stop, usage: Self.usage, &out)
        }
        #expect(
            whole
                == Self.response(
                    "completed", Self.message(#"Hi \"you\""#, "completed"), usage: Self.counts))
    }

    @Test func aStreamIsByteExact() {
        let stream = Self.text { form, out in
            form.begin(&out)
            form.delta(AnswerPiece(text: "Hi "), &out)
            form.delta(AnswerPiece(text: "you"), &out)
            form.end(.length, usage: Self.usage, &out)
        }
        let place = #""item_id":"msg_\#(Self.key)_0","output_index":0"#
        #expect(
            stream == Self.beginning()
                + Self.event(
                    "response.output_item.added", 2,
                    #""output_index":0,"item":\#(Self.message(nil, "in_progress"))"#)
                + Self.event(
                    "response.content_part.added", 3, #"\#(place),"content_index":0,"part":\#(Self.part(""))"#
                )
                + Self.event(
                    "response.output_text.delta", 4,
                    #"\#(place),"content_index":0,"delta":"Hi ","logprobs":[]"#)
                + Self.event(
                    "response.output_text.delta", 5,
                    #"\#(place),"content_index":0,"delta":"you","logprobs":[]"#)
                + Self.event(
                    "response.output_text.done", 6,
                    #"\#(place),"content_index":0,"text":"Hi you","logprobs":[]"#)
                + Self.event(
                    "response.content_part.done", 7,
                    #"\#(place),"content_index":0,"part":\#(Self.part("Hi you"))"#)
                + Self.event(
                    "response.output_item.done", 8,
                    #""output_index":0,"item":\#(Self.message("Hi you", "incomplete"))"#)
                + Self.event(
                    "response.incomplete", 9,
                    #""response":"#
                        + Self.response(
                            "incomplete", Self.message("Hi you", "incomplete"), usage: Self.counts,
                            incomplete: #"{"reason":"max_output_tokens"}"#)))
    }

    private static let pieces = [
        AnswerPiece(text: "so"),
        AnswerPiece(calls: [.init(index: 0, id: "call_1", name: "now", arguments: "{")]),
        AnswerPiece(calls: [
            .init(index: 0, arguments: "}"), .init(index: 1, id: "call_2", name: "now"),
        ]), AnswerPiece(calls: [.init(index: 1, arguments: "{}")]),
    ]

    @Test func callsAreItemsOfTheirOwn() {
        let stream = Self.text { form, out in
            form.begin(&out)
            for piece in Self.pieces { form.delta(piece, &out) }
            form.end(.toolCalls, usage: nil, &out)
        }
        func place(_ index: Int) -> String {
            #""item_id":"fc_\#(Self.key)_\#(index)","output_index":\#(index)"#
        }
        func change(_ number: Int, _ index: Int, _ text: String) -> String {
            Self.event(
                "response.function_call_arguments.delta", number, #"\#(place(index)),"delta":"\#(text)""#)
        }
        func item(_ name: String, _ number: Int, _ index: Int, _ item: String) -> String {
            Self.event("response.output_item.\(name)", number, #""output_index":\#(index),"item":\#(item)"#)
        }
        func done(_ number: Int, _ index: Int) -> String {
            Self.event(
                "response.function_call_arguments.done", number,
                #"\#(place(index)),"name":"now","arguments":"{}""#)
        }
        let calls =
            item("added", 8, 1, Self.call(1, "call_1", "", "in_progress")) + change(9, 1, "{")
            + change(10, 1, "}") + done(11, 1)
            + item("done", 12, 1, Self.call(1, "call_1", "{}", "completed"))
            + item("added", 13, 2, Self.call(2, "call_2", "", "in_progress")) + change(14, 2, "{}")
            + done(15, 2) + item("done", 16, 2, Self.call(2, "call_2", "{}", "completed"))
        let output = [
            Self.message("so", "completed"), Self.call(1, "call_1", "{}", "completed"),
            Self.call(2, "call_2", "{}", "completed"),
        ].joined(separator: ",")
        #expect(
            stream.hasSuffix(
                calls
                    + Self.event(
                        "response.completed", 17, #""response":"# + Self.response("completed", output)))
        )
        var answer = WholeAnswer()
        for piece in Self.pieces { answer.add(piece) }
        #expect(
            Self.text { form, out in form.whole(answer, .toolCalls, usage: nil, &out) }
                == Self.response("completed", output))
    }

    @Test func anAnswerWithoutWordsIsAnEmptyMessage() {
        let stream = Self.text { form, out in
            form.begin(&out)
            form.end(.stop, usage: nil, &out)
        }
        #expect(
            stream.hasSuffix(
                #""response":"# + Self.response("completed", Self.message("", "completed")) + "}\n\n"))
        #expect(
            Self.text { form, out in form.whole(WholeAnswer(), .stop, usage: nil, &out) }
                == Self.response("completed", Self.message("", "completed")))
    }

    @Test func anAnswerThatBreaksOffHasFailed() {
        let error = APIError(503, "The engine is gone.", type: "server_error", code: "engine_unavailable")
        let stream = Self.text { form, out in
            form.begin(&out)
            form.delta(AnswerPiece(text: "x"), &out)
            form.failure(error, &out)
        }
        #expect(
            stream.hasSuffix(
                Self.event(
                    "response.failed", 5,
                    #""response":"#
                        + Self.response(
                            "failed", Self.message("x", "incomplete"),
                            error:
                                #"{"code":"server_error","message":"The engine is gone. (engine_unavailable)"}"#
                        ))))
    }

    @Test func likelihoodsStandWithTheirWords() {
        let token = AnswerPiece.Token(
            chosen: AnswerPiece.Choice(token: "x", bytes: [120], logprob: -0.25), top: [])
        let likely = #""logprobs":[{"token":"x","logprob":-0.25,"bytes":[120],"top_logprobs":[]}]"#
        let stream = Self.text { form, out in
            form.delta(AnswerPiece(text: "x", tokens: [token]), &out)
            form.end(.stop, usage: nil, &out)
        }
        // With the piece, with the text, and with the part and the item wherever these are whole.
        #expect(stream.split(separator: likely, omittingEmptySubsequences: false).count - 1 == 5)
    }

    @Test func aResponseRepeatsWhatWasAsked() {
        var echo = ResponsesEcho(
            instructions: "be \"brief\"",
            sampling: Sampling(temperature: 0.5, topP: 1, maxTokens: 7, logprobs: 2),
            parallel: false)
        echo.tools = .array([.object([.init(key: "type", value: .string("function"))])])
        echo.toolChoice = .string("required")
        echo.format = .object([.init(key: "type", value: .string("json_object"))])
        echo.metadata = .object([.init(key: "a", value: .string("b"))])
        var out = JSONWriter()
        Self.writer(echo).whole(WholeAnswer(text: "x"), .stop, usage: nil, &out)
        let text = String(decoding: out.bytes, as: UTF8.self)
        for said in [
            #""instructions":"be \"brief\"""#, #""max_output_tokens":7"#, #""temperature":0.5"#,
            #""top_p":1.0"#,
            #""top_logprobs":2"#, #""parallel_tool_calls":false"#, #""tool_choice":"required""#,
            #""tools":[{"type":"function"}]"#, #""text":{"format":{"type":"json_object"}}"#,
            #""metadata":{"a":"b"}"#,
        ] { #expect(text.contains(said), "\(said)") }
    }
}
