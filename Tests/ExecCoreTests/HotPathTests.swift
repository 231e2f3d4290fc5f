// Proves what a busy node saves on each job: kept connections, shared words on models, waits that wake nobody.
// It must never measure how fast any of it is.

import AsyncHTTPClient
import FoundationEssentials
import Interfaces
import NIOCore
import NIOPosix
import NodeModel
import Synchronization
import TestKit
import Testing
import Wire

@testable import ExecCore

@Suite struct KeptConnectionTests {
    /// What llama-server sends, in one piece.
    private static let answer = [
        #"data: {"choices":[{"delta":{"content":"Four"}}]}"#,
        #"data: {"choices":[{"finish_reason":"stop","delta":{}}]}"#,
        #"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#, "data: [DONE]", "",
    ].joined(separator: "\n\n")

    /// Asks an engine so many times, and says how often it answered.
    private func ask(
        _ times: Int, of fake: (Int) -> FakeDocker.Answer
    ) async throws -> (answered: Int, requests: Int, connections: Int) {
        let directory = try TemporaryDirectory()
        let came = Atomic(0)
        let script = (0..<8).map(fake)
        let server = try await FakeDocker(at: directory.appending("e.sock")) { _, uri in
            uri == "/health" ? .reply(200, "{}") : script[came.add(1, ordering: .relaxed).oldValue]
        }
        let client = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        let kept = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        let engine = EngineClient(
            client: client, kept: kept, socketPath: directory.appending("e.sock"))
        let request = InferenceRequest(model: "m", messages: [ChatMessage(role: "user", content: "2+2?")])
        var answered = 0
        for _ in 0..<times {
            let end = try? await engine.answer(
                EngineRequest(request, maxTokens: 5, stranger: false), reading: EngineAnswer(request),
                answerTokens: 5, watch: AnswerWatch(.init(firstToken: .seconds(9), nextToken: .seconds(9))),
                engine: ProgressMark()
            ) { _, _ in true }
            if end?.usage.completionTokens == 1 { answered += 1 }
        }
        let connections = server.connections
        // Whether it is ready is asked on a connection of its own: a kept one says nothing of who listens now.
        #expect(await engine.isReady())
        #expect(server.connections == connections + 1)
        try await client.shutdown()
        try await kept.shutdown()
        try await server.close()
        return (answered, came.load(ordering: .relaxed), connections)
    }

    @Test func oneConnectionServesTheAnswersOfAnEngineOneAfterTheOther() async throws {
        #expect(try await ask(3) { _ in .reply(200, Self.answer) } == (3, 3, 1))
    }

    @Test func whatMeetsAKeptConnectionThatClosesIsAskedOnANewOne() async throws {
        #expect(try await ask(3) { $0 == 1 ? .hangUp : .reply(200, Self.answer) } == (3, 4, 3))
    }

    @Test func anEngineThatOnlyHangsUpIsAskedTwice() async throws {
        #expect(try await ask(1) { _ in .hangUp } == (0, 2, 2))
    }

    @Test func nothingIsAskedAgainOnceItWasAnswered() async throws {
        #expect(try await ask(1) { _ in .reply(200, "data: {}\n\n") } == (0, 1, 1))
    }
}

@Suite struct FreshWordsTests {
    private let model: EngineModel

    init() throws { model = try EngineModel(ContentInterface.Resolve.example.reply) }

    /// Answers with this model, and counts how often it was asked.
    private func ask(_ count: inout Int) -> FreshWords.Answer {
        count += 1
        return Task { [model] in model }
    }

    @Test func aQuestionCountsForAMoment() async throws {
        let words = FreshWords()
        let began = ContinuousClock.now
        var count = 0
        for wait in [0, 19, 20, 39, 40] {
            let answer = words.answer(on: "m", at: began + .milliseconds(wait)) { ask(&count) }
            #expect(try await answer.value == model)
        }
        #expect(count == 3)
        _ = words.answer(on: "n", at: began + .milliseconds(40)) { ask(&count) }
        #expect(count == 4)
    }

    @Test func aModelThatWasMissingIsAskedForAgain() {
        let words = FreshWords()
        var count = 0
        _ = words.answer(on: "m") { ask(&count) }
        words.forget("m")
        _ = words.answer(on: "m") { ask(&count) }
        #expect(count == 2)
    }

    @Test func manyNamesAreNotKept() {
        let words = FreshWords()
        let asked = ContinuousClock.now
        var count = 0
        for number in 0..<65 { _ = words.answer(on: "\(number)", at: asked) { ask(&count) } }
        for number in 0..<65 { _ = words.answer(on: "\(number)", at: asked) { ask(&count) } }
        #expect(count > 65 + 60)
    }
}

@Suite struct LoopTimerTests {
    private let timer = LoopTimer(loop: MultiThreadedEventLoopGroup.singleton.next())

    @Test func sleepsAsLongAsItIsTold() async throws {
        let began = ContinuousClock.now
        try await timer.sleep(.milliseconds(30))
        #expect(ContinuousClock.now - began >= .milliseconds(30))
    }

    @Test func aCancelledTaskIsLetGo() async throws {
        let began = ContinuousClock.now
        let late = Task { try await timer.sleep(.seconds(600)) }
        try await Task.sleep(for: .milliseconds(20))
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(ContinuousClock.now - began < .seconds(60))
    }

    @Test func aTaskThatWasCancelledBeforeDoesNotWait() async throws {
        let began = ContinuousClock.now
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            try await timer.sleep(.seconds(600))
        }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(ContinuousClock.now - began < .seconds(60))
    }

    @Test func itWatchesAnswers() async {
        let watch = AnswerWatch(.init(firstToken: .milliseconds(60), nextToken: .milliseconds(30)))
        watch.expect(.firstToken)
        await #expect(throws: AnswerWatch.Stalled(awaited: .firstToken, limit: .milliseconds(60))) {
            try await watch.run(sleep: timer.sleep)
        }
    }
}

@Suite struct PlainEngineRequestTests {
    @Test("what the engine is asked has the bytes that Codable gives it", arguments: [true, false])
    func sameAsCodable(stranger: Bool) throws {
        let words = ["", "Hello", "a\"b\\c/\n\t\u{8}\u{0}é🦊"]
        let numbers: [Double?] = [nil, 0, -0.0, 0.7, 1, 1e-9]
        for (place, text) in words.enumerated() {
            for number in numbers {
                for rare in [false, true] {
                    let request = InferenceRequest(
                        model: text,
                        messages: [ChatMessage(role: "user", content: text, answers: rare ? text : nil)],
                        sampling: Sampling(
                            temperature: number, topP: place == 0 ? number : nil, seed: place == 1 ? -7 : nil,
                            presencePenalty: place == 2 ? number : nil,
                            frequencyPenalty: place == 1 ? number : nil,
                            stop: place == 2 ? words : nil, logprobs: rare && place == 0 ? 3 : nil,
                            logitBias: rare && place == 1 ? ["7": 1] : nil))
                    let body = EngineRequest(
                        request, maxTokens: 5, stranger: stranger, counted: place == 1)
                    #expect(try body.json() == Array(try WireCoding.encoder.encode(body)))
                }
            }
        }
    }
}
