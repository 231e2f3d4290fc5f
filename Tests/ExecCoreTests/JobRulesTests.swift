// Proves what a job may ask, how a sealed one is opened and its answer sealed, and that a sealed one runs once.

import FoundationEssentials
import Interfaces
import NodeConfig
import NodeModel
import TestKit
import Testing
import Wire

@testable import ExecCore

private let job = JobID("job_00112233445566778899aabbccddeeff")
private func request(_ messages: [ChatMessage], _ sampling: Sampling = Sampling()) -> InferenceRequest {
    InferenceRequest(model: "m", messages: messages, sampling: sampling)
}
private let hello = [ChatMessage(role: "user", content: "hello")]

@Suite struct RequestLimitsTests {
    private let limits = RequestLimits(ExecSection())

    @Test func theLongestAnswerIsTheLeastOfAllLimits() throws {
        #expect(try limits.check(request(hello), agreed: 64) == 64)
        #expect(try limits.check(request(hello, Sampling(maxTokens: 5)), agreed: 64) == 5)
        #expect(try limits.check(request(hello), agreed: 1_000_000) == 2_048)
    }

    @Test(arguments: [
        request([]), request([ChatMessage(role: "robot", content: "x")]),
        request(hello, Sampling(temperature: 2.1)),
        request(hello, Sampling(temperature: .nan)), request(hello, Sampling(topP: -0.1)),
        request(hello, Sampling(maxTokens: 0)), request(hello, Sampling(stop: ["a", "b", "c", "d", "e"])),
        request(hello, Sampling(stop: [""])), request(hello, Sampling(presencePenalty: 3)),
    ]) func whatOpenAIRefusesIsRefused(request: InferenceRequest) {
        #expect(throws: WireError(.invalidRequest, "")) { try limits.check(request, agreed: 10) }
    }

    /// A schema is written into what the engine is sent, so it is one object and ends where it ends.
    @Test(arguments: [
        "", "[]", "true", "{", #"{"a":1}}"#, #"{"a":1},"n":9,"b":{}"#, #"{"a":1,"a":2}"#, "{a:1}",
    ])
    func whatIsNoSchemaIsRefused(schema: String) {
        let asked = InferenceRequest(model: "m", messages: hello, format: .schema(schema))
        #expect(throws: WireError(.invalidRequest, "")) { try limits.check(asked, agreed: 10) }
    }

    @Test func aSchemaIsHandedOnAsItStands() throws {
        let schema = #"{"type":"object","properties":{"z":{"type":"integer"},"a":{"const":"}\""}}}"#
        let asked = InferenceRequest(model: "m", messages: hello, format: .schema(schema))
        #expect(try limits.check(asked, agreed: 10) == 10)
        #expect(try InferenceRequest.fromJSON(try asked.jsonBytes()) == asked)
        #expect(try asked.hash() != request(hello).hash(), "what changes the answer is in the hash")
        func body(_ request: InferenceRequest) throws -> String {
            let bytes = try EngineRequest(request, maxTokens: 5, stranger: true).json()
            try bytes.withUnsafeBytes { json in
                var scanner = JSONScanner(json)
                try scanner.validate()
                try scanner.expectEnd()
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(
            try body(asked).hasSuffix(
                #","response_format":{"type":"json_schema","json_schema":{"schema":\#(schema)}}}"#))
        #expect(
            try body(InferenceRequest(model: "m", messages: hello, format: .object)).hasSuffix(
                #","response_format":{"type":"json_object"}}"#))
        #expect(try !body(request(hello)).contains("response_format"))
    }

    @Test func tokensAreToldWithEachPieceWhereTheyAreAskedFor() throws {
        func body(_ counted: Bool) throws -> String {
            String(
                decoding: try EngineRequest(request(hello), maxTokens: 5, stranger: true, counted: counted)
                    .json(),
                as: UTF8.self)
        }
        #expect(try body(true).contains(#""timings_per_token":true"#))
        #expect(try !body(false).contains("timings_per_token"))
    }

    @Test func tooMuchTextIsTooLarge() {
        let long = request([ChatMessage(role: "user", content: String(repeating: "x", count: 1 << 20))])
        #expect(throws: WireError(.tooLarge, "")) { try limits.check(long, agreed: 10) }
    }
}

@Suite struct JobPayloadTests {
    private func sealed(_ key: ContentKey, _ request: InferenceRequest, for id: JobID) throws -> SealedPayload
    {
        var stream = SealedStream(key: key, jobID: id, direction: .request)
        let bytes = try stream.seal(try request.jsonBytes()).sealed
        return SealedPayload(
            ciphertext: Data(bytes).base64EncodedString(), wrappedKey: "w",
            sender: PublicKey(xOnly: Digest(hashing: "s")))
    }

    @Test func aSealedJobComesBackSealed() throws {
        let (id, key) = (try #require(job), ContentKey())
        var payload = try JobPayload(
            try sealed(key, request(hello), for: id), job: id, contentKey: Hex.encode(key.bytes))
        #expect(payload.request == request(hello))
        #expect(payload.isSealed)
        var answers = SealedStream(key: key, jobID: id, direction: .response)
        for (index, text) in ["Hal", "lo ü"].enumerated() {
            let event = try payload.event(AnswerPiece(text: text))
            #expect(event.sequence == UInt64(index))
            #expect(!event.text.contains(text))
            let bytes = try #require(Data(base64Encoded: event.text))
            #expect(try answers.open(Array(bytes), sequence: event.sequence) == Array(text.utf8))
        }
    }

    @Test func anotherJobsPayloadDoesNotOpen() throws {
        let (id, key) = (try #require(job), ContentKey())
        let other = try #require(JobID("job_ffeeddccbbaa99887766554433221100"))
        let payload = try sealed(key, request(hello), for: other)
        #expect(throws: WireError(.invalidRequest, "")) {
            _ = try JobPayload(payload, job: id, contentKey: Hex.encode(key.bytes))
        }
    }

    @Test func piecesInTheClearAreCounted() throws {
        var payload = JobPayload(plain: request(hello))
        #expect(try payload.event(AnswerPiece(text: "a")).sequence == 0)
        #expect(
            try payload.event(AnswerPiece(text: "b"))
                == ExecInterface.Run.Event(stage: .token, sequence: 1, text: "b"))
    }
}

@Suite struct RunStoreTests {
    @Test func runsOfAnEarlierLifeAreInterrupted() async throws {
        let directory = try TemporaryDirectory()
        let (id, path) = (try #require(job), directory.appending("runs.sqlite"))
        let first = RunStore(path: path)
        #expect(try await first.recover() == 0)
        let done = try await first.begin(id, model: Digest(hashing: "m"), seal: Digest(hashing: "one"))
        first.note(
            RunEnd(
                run: .begun(done), state: .done, reason: "",
                usage: Usage(promptTokens: 3, completionTokens: 4)))
        _ = try await first.begin(id, model: Digest(hashing: "m"), seal: Digest(hashing: "two"))
        let second = RunStore(path: path)
        #expect(try await second.recover() == 1)
        let rows = try await second.last(10)
        #expect(rows.map(\.state) == ["interrupted", "done"])
        #expect(rows.last?.completionTokens == 4)
    }

    @Test func aRunInTheClearIsWrittenDownWhenItIsOver() async throws {
        let directory = try TemporaryDirectory()
        let (id, path) = (try #require(job), directory.appending("runs.sqlite"))
        let store = RunStore(path: path)
        let record = RunRecord(store, job: id, model: Digest(hashing: "m"), seal: nil)
        try await record.piece()
        #expect(try await store.last(10).isEmpty)
        try await record.done(Usage(promptTokens: 3, completionTokens: 4))
        await RunRecord(store, job: id, model: Digest(hashing: "m"), seal: nil).failed(.cancelled, "gone")
        let rows = try await store.last(10)
        #expect(rows.map(\.state) == ["cancelled", "done"])
        #expect(rows.map(\.reason) == ["gone", ""])
        #expect(store.failure == nil)
    }

    @Test func anEndThatCannotBeWrittenIsSaid() async throws {
        let directory = try TemporaryDirectory()
        let (id, path) = (try #require(job), directory.appending("runs.sqlite"))
        try Data(String(repeating: "not a database ", count: 400).utf8).write(to: URL(filePath: path))
        let store = RunStore(path: path)
        try await RunRecord(store, job: id, model: Digest(hashing: "m"), seal: nil)
            .done(Usage(promptTokens: 3, completionTokens: 4))
        #expect(store.failure?.code == .corrupt)
    }

    @Test func aSealedPayloadRunsOnceEvenAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        let (id, path) = (try #require(job), directory.appending("runs.sqlite"))
        let seal = Digest(hashing: "seal")
        _ = try await RunStore(path: path).begin(id, model: seal, seal: seal)
        await #expect(throws: WireError(.conflict, "")) {
            _ = try await RunStore(path: path).begin(id, model: seal, seal: seal)
        }
    }

    @Test func aDamagedRecordIsSaidWithAWayOut() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("runs.sqlite")
        try Data(String(repeating: "not a database ", count: 400).utf8).write(to: URL(filePath: path))
        do {
            _ = try await RunStore(path: path).recover()
            Issue.record("a damaged file was accepted")
        } catch let error as WireError {
            #expect(error.code == .corrupt)
            #expect(error.fix?.contains("away") == true)
        }
    }
}

@Suite struct AnswerWatchTests {
    private let limits = AnswerWatch.Limits(
        firstToken: .milliseconds(60), nextToken: .milliseconds(30), caller: .seconds(30))

    @Test func whoIsLateIsNamed() async {
        let watch = AnswerWatch(limits)
        watch.expect(.firstToken)
        await #expect(throws: AnswerWatch.Stalled(awaited: .firstToken, limit: .milliseconds(60))) {
            try await watch.run()
        }
        watch.expect(.nextToken)
        await #expect(throws: AnswerWatch.Stalled(awaited: .nextToken, limit: .milliseconds(30))) {
            try await watch.run()
        }
    }

    @Test func aShorterLimitHoldsFromTheMomentThatItApplies() async {
        let watch = AnswerWatch(.init(firstToken: .seconds(60), nextToken: .milliseconds(50)))
        watch.expect(.firstToken)
        let began = ContinuousClock.now
        await #expect(throws: AnswerWatch.Stalled(awaited: .nextToken, limit: .milliseconds(50))) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await watch.run() }
                try await Task.sleep(for: .milliseconds(20))
                watch.expect(.nextToken)
                try await group.waitForAll()
            }
        }
        #expect(ContinuousClock.now - began < .seconds(5))
    }

    @Test func aSlowCallerIsNotTheEnginesFault() async throws {
        let watch = AnswerWatch(limits)
        watch.expect(.caller)
        let late = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await watch.run()) == nil && !Task.isCancelled }
            try? await Task.sleep(for: .milliseconds(150))
            group.cancelAll()
            return await group.next() ?? true
        }
        #expect(!late)
    }
}
