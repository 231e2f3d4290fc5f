// Proves that no client can hold the API by being slow, many or greedy, and that honest ones are served meanwhile.

import DaemonKit
import Foundation
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite(.timeLimit(.minutes(2))) struct HTTPLimitTests {
    /// Whoever asks on and on and reads nothing gets no more answers than the sockets hold, and is cut off.
    @Test func aClientThatPipelinesAndNeverReadsIsCutOff() async throws {
        let node = try await TestNode { $0.http.writeTimeoutMs = 500 }
        let deaf = try await RawClient(port: node.httpPort, reads: false)
        let ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let asked = 200_000
        try? await deaf.send(String(repeating: ask, count: asked))
        let end = ContinuousClock.now + .seconds(20)
        while !node.metrics.text().contains(#"reason="slow_reader""#), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(node.metrics.text().contains(#"infernet_ws_refused_total{reason="slow_reader"} 1"#))
        await deaf.close()
        await node.stop()
    }

    @Test func aHeadThatDoesNotEndIsCutOff() async throws {
        let node = try await TestNode { $0.http.headerTimeoutMs = 300 }
        let slow = try await RawClient(port: node.httpPort)
        let began = ContinuousClock.now
        // A byte now and then does not buy more time.
        for byte in "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ".utf8 {
            if slow.isClosed { break }
            try? await slow.send([byte])
            try await Task.sleep(for: .milliseconds(25))
        }
        _ = try await slow.readToEnd(within: .seconds(3))
        #expect(ContinuousClock.now - began < .seconds(2))
        #expect(try await HTTPExchange(get: "/healthz", port: node.httpPort).status == 200)
        #expect(node.metrics.text().contains(#"infernet_ws_refused_total{reason="slow_head"} 1"#))
        await node.stop()
    }

    @Test func aConnectionThatSaysNothingIsClosed() async throws {
        let node = try await TestNode { $0.http.headerTimeoutMs = 200 }
        let silent = try await RawClient(port: node.httpPort)
        #expect(try await silent.readToEnd(within: .seconds(3)).isEmpty)
        await node.stop()
    }

    @Test func aBodyThatDoesNotEndIsAnswered408() async throws {
        let node = try await TestNode { $0.http.bodyTimeoutMs = 300 }
        let slow = try await RawClient(port: node.httpPort)
        try await slow.send(String(HTTPExchange.post(HTTPTests.ask).dropLast(5)))
        #expect(try await slow.readToEnd(within: .seconds(6)).hasPrefix("HTTP/1.1 408"))
        await node.stop()
    }

    @Test func anIdleConnectionIsClosedAfterItsAnswer() async throws {
        let node = try await TestNode { $0.http.idleTimeoutMs = 300 }
        let client = try await RawClient(port: node.httpPort)
        try await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await client.readToEnd(within: .seconds(3)).contains("\"status\":\"ready\""))
        await node.stop()
    }

    /// A client that does not read holds up its own job and nobody else's, and not for ever.
    @Test func aReaderThatDoesNotReadIsCutOff() async throws {
        let sent = NIOLockedValueBox(0)
        let ended = Flag()
        var script = TestScript()
        script.submit = { _, sink in
            defer { ended.raise() }
            let piece = String(repeating: "x", count: 16 * 1024)
            for i in 0..<10_000 {
                try await sink.send(.init(stage: .token, sequence: UInt64(i), text: piece))
                sent.withLockedValue { $0 += 1 }
            }
            return TestNode.reply
        }
        let node = try await TestNode(script: script) { $0.http.writeTimeoutMs = 500 }
        let deaf = try await RawClient(port: node.httpPort, reads: false)
        try await deaf.send(HTTPExchange.post(HTTPTests.askStream))
        #expect(await ended.raised(within: .seconds(10)))
        // Backpressure reached the sender long before all of its 160 MB.
        #expect(sent.withLockedValue { $0 } < 5_000)
        let end = ContinuousClock.now + .seconds(5)
        while !node.metrics.text().contains(#"reason="slow_reader""#), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(node.metrics.text().contains(#"reason="slow_reader""#))
        #expect(try await HTTPExchange(get: "/healthz", port: node.httpPort).status == 200)
        await deaf.close()
        await node.stop()
    }

    @Test func connectionsAreCounted() async throws {
        let node = try await TestNode { $0.http.maxConnections = 2 }
        let one = try await RawClient(port: node.httpPort)
        let two = try await RawClient(port: node.httpPort)
        try await one.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try await two.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try await one.read { $0.contains("ready") }
        _ = try await two.read { $0.contains("ready") }
        let three = try await RawClient(port: node.httpPort)
        let refusal = try await three.readToEnd()
        #expect(refusal.hasPrefix("HTTP/1.1 503"))
        #expect(refusal.contains("too_many_connections"))
        await one.close()
        await two.close()
        let end = ContinuousClock.now + .seconds(2)
        while !node.metrics.text().contains("infernet_http_connections 0"), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await HTTPExchange(get: "/healthz", port: node.httpPort).status == 200)
        await node.stop()
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let node = try await TestNode()
        let client = try await RawClient(port: node.httpPort)
        try await client.send(
            HTTPExchange.post(HTTPTests.ask, close: false)
                + "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
                + HTTPExchange.post(HTTPTests.ask))
        let text = try await client.readToEnd()
        let places = ["chat.completion", "\"object\":\"list\"", "unknown_url"].compactMap {
            text.range(of: $0)?.lowerBound
        }
        #expect(places.count == 3 && places == places.sorted())
        #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
        await node.stop()
    }

    @Test func healthModelsAndMetrics() async throws {
        var script = TestScript()
        script.health = { .init(state: .degraded, reason: "Docker is not running", fix: "Start dockerd.") }
        let node = try await TestNode(script: script)
        let port = node.httpPort
        let health = try await HTTPExchange(get: "/healthz", port: port)
        #expect(health.status == 503)
        #expect(
            health.body == #"{"status":"degraded","reason":"Docker is not running","fix":"Start dockerd."}"#)
        let metrics = try await HTTPExchange(get: "/metrics", port: port)
        #expect(metrics.status == 200)
        #expect(metrics.body == "infernet_daemon_up 1\n")
        let model = try #require(AggregatorInterface.Models.example.reply.models.first)
        let list = try await HTTPExchange(get: "/v1/models", port: port)
        #expect(
            list.body
                == #"{"object":"list","data":[{"id":"\#(model.name)","object":"model","created":1790000000,"#
                + #""owned_by":"this-node","root":"\#(model.root.hex)","context_length":8192,"local":true,"providers":0}]}"#
        )
        #expect(
            try await HTTPExchange(get: "/v1/models/\(model.name)", port: port).body.hasPrefix(
                #"{"id":"\#(model.name)""#))
        let unknown = try await HTTPExchange(get: "/v1/models/gpt-9", port: port)
        #expect(unknown.status == 404)
        #expect(unknown.body.contains("model_not_found"))
        let head = try await HTTPExchange(get: "/metrics", port: port, method: "HEAD")
        #expect(head.status == 200 && head.body.isEmpty && head.head.contains("content-length: 21"))
        await node.stop()
    }

    /// A supervisor that is frozen does not freeze the health check.
    @Test func healthDoesNotHang() async throws {
        var script = TestScript()
        script.health = {
            try await Task.sleep(for: .seconds(60))
            return .init(state: .ready, reason: "")
        }
        let node = try await TestNode(script: script)
        let began = ContinuousClock.now
        let health = try await HTTPExchange(get: "/healthz", port: node.httpPort)
        #expect(health.status == 503)
        #expect(health.body.contains("the supervisor did not say how the node is"))
        #expect(ContinuousClock.now - began < .seconds(5))
        await node.stop()
    }

    @Test func checksNameThePortThatWasTaken() async throws {
        let node = try await TestNode { $0.peer.advertise = "ws://somewhere:1/peer" }
        let good = await node.daemon.checks()
        #expect(good.filter(\.ok).map(\.name) == ["http", "sale", "peer", "aggregator"])
        #expect(good.first { $0.name == "peer endpoint" }?.fix?.contains("peer.advertise") == true)
        let without = try await TestNode(adopt: ["peer"])
        let http = try #require(await without.daemon.checks().first { $0.name == "http" })
        #expect(!http.ok)
        #expect(http.reason.contains("127.0.0.1:\(without.httpPort)"))
        #expect(http.fix?.contains("http.listen") == true)
        await node.stop()
        await without.stop()
    }

    /// What is under way ends in order; what is new is not taken.
    @Test func drainingLetsAnswersFinish() async throws {
        let begun = Flag()
        let go = Flag()
        var script = TestScript()
        script.submit = { _, sink in
            try await sink.send(.init(stage: .token, text: "a"))
            begun.raise()
            _ = await go.raised(within: .seconds(4))
            try await sink.send(.init(stage: .token, sequence: 1, text: "b"))
            return TestNode.reply
        }
        let node = try await TestNode(script: script)
        let client = try await RawClient(port: node.httpPort)
        try await client.send(HTTPExchange.post(HTTPTests.askStream, close: false))
        #expect(await begun.raised())
        async let stopped: Void = node.daemon.drain()
        try await Task.sleep(for: .milliseconds(100))
        go.raise()
        #expect(HTTPExchange(text: try await client.readToEnd()).body.hasSuffix("data: [DONE]\n\n"))
        await stopped
        await node.stop()
    }
}
