// Proves the exact bytes of answers, chunks and errors, as OpenAI's clients read them.

import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite struct CompletionWriterTests {
    private let job = JobID("job_0199d0c2a4b50000000000000000beef")

    private func text(_ usage: Bool, _ body: (CompletionWriter, inout JSONWriter) -> Void) -> String {
        let completion = CompletionWriter(
            job: job, created: 1_790_000_000, model: "m\"1", includeUsage: usage)
        var writer = JSONWriter()
        body(completion, &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private let head =
        #"data: {"id":"chatcmpl-0199d0c2a4b50000000000000000beef","object":"chat.completion.chunk","#
        + #""created":1790000000,"model":"m\"1","choices":["#

    @Test func streamIsByteExact() {
        let stream = text(false) { completion, writer in
            completion.begin(&writer)
            completion.delta(AnswerPiece(text: "Hi \"you\"\n"), &writer)
            completion.end(.stop, usage: Usage(promptTokens: 3, completionTokens: 2), &writer)
        }
        #expect(
            stream == head
                + #"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}"#
                + "\n\n"
                + head
                + #"{"index":0,"delta":{"content":"Hi \"you\"\n"},"logprobs":null,"finish_reason":null}]}"#
                + "\n\n"
                + head + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"# + "\n\n"
                + "data: [DONE]\n\n")
    }

    @Test func usageComesInItsOwnLastChunk() {
        let stream = text(true) { completion, writer in
            completion.delta(AnswerPiece(text: "x"), &writer)
            completion.end(.length, usage: Usage(promptTokens: 3, completionTokens: 2), &writer)
        }
        #expect(
            stream == head
                + #"{"index":0,"delta":{"content":"x"},"logprobs":null,"finish_reason":null}],"usage":null}"#
                + "\n\n"
                + head + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}"#
                + "\n\n"
                + head + #"],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"# + "\n\n"
                + "data: [DONE]\n\n")
    }

    @Test func wholeAnswerIsByteExact() {
        let whole = text(false) { completion, writer in
            completion.whole(
                WholeAnswer(text: "Hello"), .stop, usage: Usage(promptTokens: 30, completionTokens: 12),
                &writer)
        }
        #expect(
            whole
                == #"{"id":"chatcmpl-0199d0c2a4b50000000000000000beef","object":"chat.completion","created":1790000000,"#
                + #""model":"m\"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"#
                + #""logprobs":null,"finish_reason":"stop"}],"#
                + #""usage":{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}}"#)
    }

    private static let likely = AnswerPiece.Token(
        chosen: AnswerPiece.Choice(token: "é\"", bytes: [195, 169, 34], logprob: -0.25),
        top: [AnswerPiece.Choice(token: "x", bytes: [120], logprob: -9_999)])
    private static let likelihoods =
        #"{"content":[{"token":"é\"","logprob":-0.25,"bytes":[195,169,34],"top_logprobs":[{"token":"x","logprob":-9999.0,"bytes":[120]}]}],"refusal":null}"#

    @Test func callsAreByteExact() {
        let pieces = [
            AnswerPiece(calls: [.init(index: 0, id: "call_1", name: "now", arguments: "{")]),
            AnswerPiece(calls: [
                .init(index: 0, arguments: "\"a\":1}"), .init(index: 1, id: "call_2", name: "b"),
            ]),
        ]
        let stream = text(false) { _, writer in
            let completion = CompletionWriter(
                job: job, created: 1_790_000_000, model: "m\"1", includeUsage: false, tools: true)
            completion.begin(&writer)
            for piece in pieces { completion.delta(piece, &writer) }
            completion.end(.toolCalls, usage: nil, &writer)
        }
        let tail = #","logprobs":null,"finish_reason":null}]}"# + "\n\n"
        #expect(
            stream == head + #"{"index":0,"delta":{"role":"assistant","content":null}"# + tail + head
                + #"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"now","arguments":"{"}}]}"#
                + tail + head
                + #"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"a\":1}"}},{"index":1,"id":"call_2","type":"function","function":{"name":"b","arguments":""}}]}"#
                + tail + head + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}"#
                + "\n\n"
                + "data: [DONE]\n\n")
        var answer = WholeAnswer()
        for piece in pieces { answer.add(piece) }
        let whole = text(false) { completion, writer in
            completion.whole(answer, .toolCalls, usage: nil, &writer)
        }
        #expect(
            whole.contains(
                #""message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"now","arguments":"{\"a\":1}"}},{"id":"call_2","type":"function","function":{"name":"b","arguments":""}}]},"logprobs":null,"finish_reason":"tool_calls""#
            ))
    }

    @Test func likelihoodsAreByteExact() {
        let piece = AnswerPiece(text: "é\"", tokens: [Self.likely])
        let stream = text(false) { completion, writer in completion.delta(piece, &writer) }
        #expect(
            stream == head
                + #"{"index":0,"delta":{"content":"é\""},"logprobs":\#(Self.likelihoods),"finish_reason":null}]}"#
                + "\n\n")
        var answer = WholeAnswer()
        answer.add(piece)
        let whole = text(false) { completion, writer in completion.whole(answer, .stop, usage: nil, &writer) }
        #expect(
            whole.contains(
                #""content":"é\"","refusal":null},"logprobs":\#(Self.likelihoods),"finish_reason":"stop""#))
    }

    @Test func errorIsByteExact() {
        var writer = JSONWriter()
        APIError(404, "No.", param: "model", code: "model_not_found").write(to: &writer)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"error":{"message":"No.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        )
    }

    static let statuses: [(ErrorCode, Int)] = [
        (.modelNotFound, 404), (.contextLengthExceeded, 400), (.invalidRequest, 400), (.tooManyRequests, 429),
        (.tooLarge, 413), (.engineUnavailable, 503), (.unavailable, 503), (.noProvider, 503),
        (.upstreamLost, 503),
        (.providerFailed, 503), (.draining, 503), (.deadlineExceeded, 504), (.internalError, 500),
        (ErrorCode(rawValue: "from_the_future"), 500),
    ]

    @Test(arguments: statuses)
    func everyCodeHasItsStatus(_ code: ErrorCode, _ status: Int) {
        let error = APIError(WireError(code, "What.", fix: "Do this.", retryAfterMs: 1_200))
        #expect(error.status == status)
        #expect(error.message == "What. Do this.")
        if status == 429 { #expect(error.retryAfterSeconds == 2) }
        if code == .contextLengthExceeded { #expect(error.code == "context_length_exceeded") }
    }
}
