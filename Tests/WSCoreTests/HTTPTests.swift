// Proves the OpenAI API on real sockets: every status, the stream to the byte, and that a client that leaves costs
// nothing more.

import DaemonKit
import Foundation
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NIOHTTP1
import NodeConfig
import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite(.timeLimit(.minutes(2))) struct HTTPTests {
    static let ask = #"{"model":"smollm2-135m-instruct","messages":[{"role":"user","content":"hi"}]}"#
    static let askStream = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#

    @Test func wholeAnswerCarriesItsJobAndItsCounts() async throws {
        let seen = NIOLockedValueBox<InferenceRequest?>(nil)
        var script = TestScript()
        let plain = script.submit
        script.submit = { request, sink in
            seen.withLockedValue { $0 = request.request }
            return try await plain(request, sink)
        }
        let node = try await TestNode(script: script)
        let answer = try await HTTPExchange(post: Self.ask, port: node.httpPort)
        #expect(answer.status == 200)
        #expect(answer.head.contains("x-request-id: \(TestNode.job.text)"))
        #expect(answer.head.contains("infernet-job: \(TestNode.job.text)"))
        #expect(answer.head.contains("content-type: application/json"))
        #expect(answer.body.contains(#""message":{"role":"assistant","content":"Hello","refusal":null}"#))
        #expect(answer.body.contains(#""finish_reason":"stop""#))
        let usage = try #require(TestNode.reply.record.usage)
        #expect(answer.body.contains(#""prompt_tokens":\#(usage.promptTokens),"#))
        #expect(seen.withLockedValue { $0 }?.messages == [ChatMessage(role: "user", content: "hi")])
        await node.stop()
    }

    @Test func whoHasNoKeyIsTurnedAwayWhereThereAreKeys() throws {
        let rule = KeyRule([
            "sha256:" + Digest(hashing: "right").hex, "sha256:" + Digest(hashing: "other").hex,
        ])
        func code(_ route: Route, _ headers: [String], _ rule: KeyRule = rule) -> String? {
            do {
                try rule.check(route, .init(headers.map { ("Authorization", $0) }))
                return nil
            } catch {
                #expect(error.status == 401)
                return error.code
            }
        }
        for route in [Route.chat, .responses, .models, .model("x"), .metrics] {
            #expect(code(route, []) == "missing_api_key")
            for wrong in ["Bearer wrong", "Bearer", "Bearer ", "right", "Basic right", "Bearer right "] {
                #expect(code(route, [wrong]) == "invalid_api_key", "\(wrong)")
            }
            #expect(code(route, ["Bearer right", "Bearer right"]) == "missing_api_key")
            #expect(code(route, ["Bearer right"]) == nil && code(route, ["bearer other"]) == nil)
            #expect(code(route, [], KeyRule([])) == nil, "without keys, the address is what protects")
        }
        #expect(code(.health, []) == nil)
        // Those who pay are not this node's people.
        var own = HTTPSection()
        own.apiKeys = ["sha256:" + Digest(hashing: "right").hex]
        #expect(SaleSection().limits(own).apiKeys.isEmpty)
    }

    @Test func streamIsWholeAndInOrder() async throws {
        let node = try await TestNode()
        let answer = try await HTTPExchange(
            post: #"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"#
                + #""stream_options":{"include_usage":true}}"#, port: node.httpPort)
        #expect(answer.status == 200)
        #expect(answer.head.contains("content-type: text/event-stream"))
        #expect(answer.head.contains("infernet-job: \(TestNode.job.text)"))
        let id =
            #"{"id":"chatcmpl-\#(TestNode.job.text.dropFirst(4))","object":"chat.completion.chunk","created":"#
        let chunks = answer.body.split(separator: "\n\n").map(String.init)
        #expect(chunks.count == 6)
        #expect(chunks.dropLast().allSatisfy { $0.hasPrefix("data: " + id) })
        let tails = chunks.map { String($0.drop { $0 != "[" }) }
        let rest = #","logprobs":null,"finish_reason":null}],"usage":null}"#
        #expect(tails[0] == #"[{"index":0,"delta":{"role":"assistant","content":""}"# + rest)
        #expect(tails[1] == #"[{"index":0,"delta":{"content":"Hel"}"# + rest)
        #expect(tails[2] == #"[{"index":0,"delta":{"content":"lo"}"# + rest)
        #expect(tails[3] == #"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#)
        #expect(tails[4].hasPrefix(#"[],"usage":{"prompt_tokens":"#))
        #expect(chunks[5] == "data: [DONE]")
        await node.stop()
    }

    static let failures: [(WireError, Int, String)] = [
        (WireError(.modelNotFound, "no such model"), 404, "model_not_found"),
        (WireError(.contextLengthExceeded, "too long"), 400, "context_length_exceeded"),
        (WireError(.tooManyRequests, "busy", retryAfterMs: 2_500), 429, "rate_limit_exceeded"),
        (WireError(.engineUnavailable, "Docker is gone", retryAfterMs: 5_000), 503, "engine_unavailable"),
        (WireError(.noProvider, "nobody has it"), 503, "no_provider"),
        (WireError(.upstreamLost, "the provider was lost"), 503, "upstream_lost"),
        (WireError(.deadlineExceeded, "too slow"), 504, "deadline_exceeded"),
        (WireError(.internalError, "a bug"), 500, "internal_error"),
    ]

    /// The error decides the status in a stream too: it comes before the first token, so before any head.
    @Test(arguments: failures, [false, true])
    func failuresBecomeStatuses(_ failure: (WireError, Int, String), _ stream: Bool) async throws {
        var script = TestScript()
        script.submit = { _, sink in
            try await sink.send(.init(stage: .accepted, text: TestNode.job.text))
            throw failure.0
        }
        let node = try await TestNode(script: script)
        let answer = try await HTTPExchange(post: stream ? Self.askStream : Self.ask, port: node.httpPort)
        #expect(answer.status == failure.1)
        #expect(answer.head.contains("content-type: application/json"))
        #expect(answer.head.contains("infernet-job: \(TestNode.job.text)"))
        #expect(answer.body.contains(#""code":"\#(failure.2)""#))
        if let wait = failure.0.retryAfterMs {
            #expect(answer.head.contains("retry-after: \((wait + 999) / 1_000)"))
        }
        await node.stop()
    }

    @Test func aFailureAfterTheFirstTokenBreaksTheStream() async throws {
        var script = TestScript()
        script.submit = { _, sink in
            try await sink.send(.init(stage: .accepted, text: TestNode.job.text))
            try await sink.send(.init(stage: .token, text: "Hel"))
            throw WireError(.upstreamLost, "the provider was lost")
        }
        let node = try await TestNode(script: script)
        let client = try await RawClient(port: node.httpPort)
        try await client.send(HTTPExchange.post(Self.askStream, close: false))
        let text = try await client.readToEnd()
        let answer = HTTPExchange(text: text)
        #expect(answer.status == 200)
        #expect(answer.body.contains(#""delta":{"content":"Hel"}"#))
        #expect(answer.body.contains("data: {\"error\":{\"message\":\"the provider was lost\""))
        #expect(!answer.body.contains("[DONE]"))
        // Not even HTTP says that it was whole.
        #expect(!text.hasSuffix("0\r\n\r\n"))
        await node.stop()
    }

    @Test func badRequestsAreAnsweredOverHTTP() async throws {
        let node = try await TestNode { $0.http.maxBodyBytes = 2_000 }
        let port = node.httpPort
        #expect(try await HTTPExchange(post: "{", port: port).body.contains("invalid_json"))
        #expect(try await HTTPExchange(post: #"{"model":1}"#, port: port).body.contains(#""param":"model""#))
        #expect(try await HTTPExchange(get: "/nothing", port: port).status == 404)
        let wrong = try await HTTPExchange(get: "/v1/chat/completions", port: port)
        #expect(wrong.status == 405)
        #expect(wrong.head.contains("allow: "))
        let rebound = try await HTTPExchange(
            raw: "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", port: port)
        #expect(rebound.status == 403)
        // CORS: a preflight gets no permission.
        let preflight = try await HTTPExchange(
            get: "/v1/chat/completions", port: port, method: "OPTIONS",
            headers: "Origin: https://evil.example\r\n")
        #expect(preflight.status == 403)
        #expect(!preflight.head.contains("access-control"))
        #expect(try await HTTPExchange(raw: "GARBAGE\r\n\r\n", port: port).status == 400)
        let fat =
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n"
        #expect(try await HTTPExchange(raw: fat, port: port).status == 431)
        await node.stop()
    }

    /// A body that says its size is refused before it is read, one that does not as soon as it is too large.
    @Test func bodiesOverTheLimitAreRefused() async throws {
        let asked = Flag()
        var script = TestScript()
        script.submit = { _, _ in
            asked.raise()
            return TestNode.reply
        }
        let node = try await TestNode(script: script) { $0.http.maxBodyBytes = 2_000 }
        let head =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let client = try await RawClient(port: node.httpPort)
        try await client.send(head + "Content-Length: 100000000\r\n\r\n")
        #expect(try await client.read { $0.contains("request_too_large") }.hasPrefix("HTTP/1.1 413"))
        await client.close()
        let chunked = try await RawClient(port: node.httpPort)
        try await chunked.send(head + "Transfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<3 { try await chunked.send("400\r\n\(String(repeating: " ", count: 1_024))\r\n") }
        #expect(try await chunked.read { $0.contains("request_too_large") }.hasPrefix("HTTP/1.1 413"))
        // A client that goes on sending is heard out and can read the answer; then the connection is closed.
        try await chunked.send("0\r\n\r\n")
        _ = try await chunked.readToEnd()
        let expecting = try await RawClient(port: node.httpPort)
        try await expecting.send(head + "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
        #expect(try await expecting.read { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 413"))
        await expecting.close()
        #expect(asked.count == 0)
        await node.stop()
    }

    @Test func expectContinueIsAnswered() async throws {
        let node = try await TestNode()
        let client = try await RawClient(port: node.httpPort)
        let request = HTTPExchange.post(Self.ask)
        let split = try #require(request.range(of: "\r\n\r\n"))
        try await client.send(request[..<split.lowerBound] + "\r\nExpect: 100-continue\r\n\r\n")
        _ = try await client.read { $0 == "HTTP/1.1 100 Continue\r\n\r\n" }
        try await client.send(String(request[split.upperBound...]))
        #expect(try await client.readToEnd().contains("HTTP/1.1 200 OK"))
        await node.stop()
    }

    @Test func tooManyRequestsAreToldWhenToComeBack() async throws {
        let node = try await TestNode {
            $0.http.requestsPerSecond = 1
            $0.http.burst = 2
        }
        for _ in 0..<2 { #expect(try await HTTPExchange(post: Self.ask, port: node.httpPort).status == 200) }
        let third = try await HTTPExchange(post: Self.ask, port: node.httpPort)
        #expect(third.status == 429)
        #expect(third.head.contains("retry-after: 1"))
        #expect(third.body.contains("rate_limit_exceeded"))
        // Health is not work.
        #expect(try await HTTPExchange(get: "/healthz", port: node.httpPort).status == 200)
        await node.stop()
    }

    @Test func completionsAtOnceAreLimited() async throws {
        let begun = Flag()
        var script = TestScript()
        script.submit = { _, _ in
            begun.raise()
            try await Task.sleep(for: .seconds(60))
            return TestNode.reply
        }
        let node = try await TestNode(script: script) { $0.http.maxConcurrentRequests = 1 }
        let first = try await RawClient(port: node.httpPort)
        try await first.send(HTTPExchange.post(Self.ask))
        #expect(await begun.raised())
        let second = try await HTTPExchange(post: Self.ask, port: node.httpPort)
        #expect(second.status == 429)
        #expect(second.head.contains("retry-after: 1"))
        await first.close()
        await node.stop()
    }

    @Test(arguments: [false, true])
    func aClientThatLeavesCancelsTheJobAtOnce(_ stream: Bool) async throws {
        let begun = Flag()
        let cancelled = Flag()
        var script = TestScript()
        script.submit = { _, sink in
            try await sink.send(.init(stage: .accepted, text: TestNode.job.text))
            try await sink.send(.init(stage: .token, text: "x"))
            begun.raise()
            do { try await Task.sleep(for: .seconds(60)) } catch {
                cancelled.raise()
                throw error
            }
            return TestNode.reply
        }
        let node = try await TestNode(script: script)
        let client = try await RawClient(port: node.httpPort)
        try await client.send(HTTPExchange.post(stream ? Self.askStream : Self.ask))
        #expect(await begun.raised())
        await client.close()
        #expect(await cancelled.raised(within: .seconds(1)))
        // And the place is free again.
        let end = ContinuousClock.now + .seconds(2)
        while !node.metrics.text().contains("infernet_http_completions 0"), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(node.metrics.text().contains("infernet_http_completions 0"))
        #expect(node.metrics.text().contains("infernet_http_abandoned_total 1"))
        await node.stop()
    }
}
