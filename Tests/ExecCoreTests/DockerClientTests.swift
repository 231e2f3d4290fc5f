// Proves that each way in which Docker can fail us is told apart, in time, with its own advice.

import AsyncHTTPClient
import Glibc
import NIOPosix
import TestKit
import Testing

@testable import ExecCore

@Suite struct DockerClientTests {
    private static let version = #"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#

    private func with<Value>(
        _ path: String, _ body: (DockerClient) async throws -> Value
    ) async throws -> Value {
        let client = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        do {
            let value = try await body(DockerClient(client: client, socketPath: path))
            try await client.shutdown()
            return value
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    private func kind(
        _ answer: @escaping @Sendable (String, String) -> FakeDocker.Answer,
        _ call: (DockerClient) async throws -> Void
    ) async throws -> DockerError.Kind? {
        let directory = try TemporaryDirectory()
        let path = directory.appending("d.sock")
        let fake = try await FakeDocker(at: path) { method, uri in
            uri == "/version" ? .reply(200, Self.version) : answer(method, uri)
        }
        var kind: DockerError.Kind?
        do { try await with(path, call) } catch let error as DockerError { kind = error.kind }
        try await fake.close()
        return kind
    }

    /// A kept connection may close just when the next request leaves on it, and nobody can tell what was heard.
    @Test func eachRequestHasAConnectionOfItsOwn() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("d.sock")
        let fake = try await FakeDocker(at: path) { _, _ in .reply(200, "OK") }
        try await with(path) { docker in
            for _ in 0..<3 { try await docker.ping() }
        }
        #expect(fake.requests.count == 3)
        #expect(fake.connections == 3)
        try await fake.close()
    }

    @Test func noSocketIsSaidAtOnce() async throws {
        let began = ContinuousClock.now
        do {
            try await with("/tmp/no-such-docker.sock") { try await $0.ping() }
            Issue.record("answered")
        } catch let error as DockerError {
            #expect(error.kind == .noSocket)
            #expect(error.fix?.contains("Start Docker") == true)
        }
        #expect(ContinuousClock.now - began < .seconds(2))
    }

    @Test func aSocketWithoutAListenerDoesNotAnswer() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("d.sock")
        let fake = try await FakeDocker(at: path) { _, _ in .silence }
        // Closing removes the socket's file; a copy of its name stays.
        let kept = directory.appending("kept.sock")
        #expect(link(path, kept) == 0)
        try await fake.close()
        do {
            try await with(kept) { try await $0.ping() }
            Issue.record("answered")
        } catch let error as DockerError { #expect(error.kind == .notAnswering) }
    }

    @Test func silenceEndsAtTheDeadline() async throws {
        let began = ContinuousClock.now
        let found = try await kind({ _, _ in .silence }) { try await $0.ping(within: .milliseconds(100)) }
        #expect(found == .slow)
        #expect(ContinuousClock.now - began < .seconds(5))
    }

    @Test func aBrokenConnectionIsNoAnswer() async throws {
        #expect(try await kind({ _, _ in .hangUp }) { try await $0.ping() } == .notAnswering)
    }

    @Test func missingThingsAreToldApart() async throws {
        let missing = #"{"message":"No such image: sha256:abc"}"#
        #expect(
            try await kind({ _, _ in .reply(404, missing) }) { _ = try await $0.image("sha256:abc") }
                == .noSuchImage)
        let gone = #"{"message":"No such container: x"}"#
        #expect(
            try await kind({ _, _ in .reply(404, gone) }) { _ = try await $0.inspect("x") }
                == .noSuchContainer)
        #expect(try await kind({ _, _ in .reply(404, gone) }) { try await $0.remove("x") } == nil)
    }

    @Test func refusalsKeepDockersWords() async throws {
        #expect(
            try await kind({ _, _ in .reply(409, #"{"message":"taken"}"#) }) { try await $0.kill("x") }
                == .conflict)
        #expect(
            try await kind({ _, _ in .reply(500, #"{"message":"disk"}"#) }) { try await $0.start("x") }
                == .refused(status: 500))
        #expect(
            try await kind({ _, _ in .reply(200, "<html>") }) { _ = try await $0.inspect("x") } == .unreadable
        )
    }

    @Test func startingWhatRunsIsFine() async throws {
        #expect(try await kind({ _, _ in .reply(304, "") }) { try await $0.start("x") } == nil)
    }

    @Test func theVersionIsAskedOnceAndSpoken() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("d.sock")
        let fake = try await FakeDocker(at: path) { _, uri in
            uri == "/version" ? .reply(200, Self.version) : .reply(200, "[]")
        }
        try await with(path) { docker in
            for _ in 0..<2 { _ = try await docker.list(label: "infernet.node", value: "n") }
        }
        #expect(
            fake.requests == [
                "GET /version",
                "GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22infernet.node%3Dn%22%5D%7D",
                "GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22infernet.node%3Dn%22%5D%7D",
            ])
        try await fake.close()
    }

    @Test func versionsAreChosen() {
        func spoken(_ newest: String, _ oldest: String?) -> String? {
            DockerVersion(version: "x", apiVersion: newest, minAPIVersion: oldest).spoken?.description
        }
        #expect(spoken("1.41", "1.12") == "1.41")
        #expect(spoken("1.52", "1.44") == "1.44")
        #expect(spoken("1.40", "1.12") == nil)
        #expect(spoken("1.9", nil) == nil)
    }

    @Test func logsLoseTheirFrames() {
        let bytes: [UInt8] =
            [2, 0, 0, 0, 0, 0, 0, 3] + Array("ab\n".utf8) + [1, 0, 0, 0, 0, 0, 0, 9] + Array("cut".utf8)
        #expect(DockerLog.lines(bytes) == ["ab", "cut"])
    }
}
