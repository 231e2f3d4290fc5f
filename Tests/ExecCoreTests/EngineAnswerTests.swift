// Proves how the engine's stream is read: with the real engine's own chunks, and with every way to end badly.

import NodeModel
import Testing
import Wire

@testable import ExecCore

@Suite struct EngineAnswerTests {
    private static let tail =
        #""created":1795457162,"id":"chatcmpl-m9ujqCdlPfJmAVQYdg8Ynwfp1zdvvbFs","model":"m","system_fingerprint":"b336-sdist-0.3.36","object":"chat.completion.chunk""#
    private static let role =
        #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],\#(tail)}"#
    private static let finish = #"{"choices":[{"finish_reason":"length","index":0,"delta":{}}],\#(tail)}"#
    private static let usage =
        #"{"choices":[],\#(tail),"usage":{"completion_tokens":24,"prompt_tokens":37,"total_tokens":61,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_ms":286.63}}"#

    private static func piece(_ text: String) -> String {
        #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"\#(text)"}}],\#(tail)}"#
    }

    private func read(_ events: [String]) throws -> (answer: EngineAnswer, pieces: [String]) {
        var answer = EngineAnswer(InferenceRequest(model: "m", messages: []))
        let pieces = try events.map { try answer.take(Array($0.utf8)).text }.filter { !$0.isEmpty }
        return (answer, pieces)
    }

    @Test func aWholeAnswer() throws {
        let (answer, pieces) = try read([
            Self.role, Self.piece("The"), Self.piece(""), Self.piece(#" \"caf\u00e9\"\n"#), Self.finish,
            Self.usage, "[DONE]",
        ])
        #expect(pieces == ["The", " \"café\"\n"])
        #expect(answer.length == "The \"café\"\n".utf8.count)
        let end = try answer.complete()
        #expect(end.finish == .length)
        #expect(end.usage == Usage(promptTokens: 37, completionTokens: 24))
    }

    @Test func tokensAreCountedWithEachPieceWhereTheyAreTold() throws {
        var answer = EngineAnswer(InferenceRequest(model: "m", messages: []))
        #expect(try answer.take(Array(Self.piece("no").utf8)).text == "no" && answer.counted == nil)
        let counted =
            #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"x"}}],\#(Self.tail),"timings":{"cache_n":7,"prompt_n":30,"prompt_ms":1.5,"predicted_n":3,"predicted_ms":2.5}}"#
        #expect(try answer.take(Array(counted.utf8)) == AnswerPiece(text: "x"))
        #expect(answer.counted == Usage(promptTokens: 37, completionTokens: 3))
        for wrong in [#""predicted_n":-1"#, #""prompt_n":1.5"#, #""cache_n":18446744073709551615"#] {
            let event = #"{"timings":{"prompt_n":30,"predicted_n":3,\#(wrong)}}"#
            #expect(throws: WireError(.engineUnavailable, "")) { try answer.take(Array(event.utf8)) }
        }
    }

    @Test(arguments: [
        [role, piece("x"), finish, usage], [role, piece("x"), usage, "[DONE]"],
        [role, piece("x"), finish, "[DONE]"], [],
    ]) func whateverIsMissingMakesItAFailure(events: [String]) throws {
        let answer = try read(events).answer
        #expect(throws: WireError(.engineUnavailable, "")) { try answer.complete() }
    }

    @Test func nothingMayFollowTheEnd() {
        #expect(throws: WireError(.engineUnavailable, "")) {
            try read([Self.finish, Self.usage, "[DONE]", Self.piece("more")])
        }
    }

    @Test(arguments: [
        "", "{", "[]", #"{"choices":{}}"#, #"{"usage":{"prompt_tokens":-1,"completion_tokens":2}}"#,
    ])
    func whatIsNoChunkIsRefused(event: String) {
        #expect(throws: WireError(.engineUnavailable, "")) { try read([event]) }
    }

    @Test func anErrorInTheStreamIsAnError() {
        #expect(throws: EngineFailure.self) {
            try read([#"{"error":{"code":500,"message":"boom","type":"server_error"}}"#])
        }
    }
}

@Suite struct EngineFailureTests {
    @Test func aPromptTooLongIsToldWithItsNumbers() throws {
        let body =
            #"{"error":{"code":400,"message":"request (3031 tokens) exceeds the available context size (2048 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":3031,"n_ctx":2048}}"#
        let error = try #require(EngineFailure(body: Array(body.utf8))).wire(status: 400, answerTokens: 10)
        #expect(error.code == .contextLengthExceeded)
        #expect(error.message.hasPrefix("This model's maximum context length is 2048 tokens."))
        #expect(error.message.contains("3031"))
    }

    @Test func theEnginesWordsAreNotRepeated() throws {
        let body =
            #"{"error":{"code":400,"message":"cannot parse: my secret","type":"invalid_request_error"}}"#
        let error = try #require(EngineFailure(body: Array(body.utf8))).wire(status: 400, answerTokens: 10)
        #expect(error.code == .invalidRequest)
        #expect(!error.description.contains("secret"))
    }

    @Test func aSchemaThatTheEngineCannotUseIsToldWithoutItsWords() throws {
        let body =
            #"{"error":{"code":400,"message":"JSON schema error at #: unrecognized type secret","type":"invalid_request_error"}}"#
        let error = try #require(EngineFailure(body: Array(body.utf8))).wire(status: 400, answerTokens: 10)
        #expect(error.code == .invalidRequest && error.message.contains("JSON schema"))
        #expect(error.fix != nil && !error.description.contains("secret"))
    }

    @Test func loadingIsNotAFault() {
        #expect(EngineFailure().wire(status: 503, answerTokens: 1).retryAfterMs != nil)
        #expect(EngineFailure(body: Array("<html>".utf8)) == nil)
    }

    @Test func endsAreToldInWords() {
        #expect(EngineExit(code: 137, outOfMemory: true).words(memoryMiB: 64).contains("64 MiB"))
        #expect(EngineExit(code: 137).words(memoryMiB: 64) == "was ended by signal 9 (SIGKILL)")
        #expect(EngineExit(code: 1).words(memoryMiB: 64) == "ended with exit code 1")
        #expect(EngineExit(code: nil).words(memoryMiB: 64).contains("removed"))
    }
}
