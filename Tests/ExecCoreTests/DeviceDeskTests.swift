// Proves that what engines compute with is what a container of their image was seen to see, and the CPU with a reason else.
// It must never need Docker or a GPU: both are played.

import AsyncHTTPClient
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import Synchronization
import TestKit
import Testing

@testable import ExecCore

@Suite struct DeviceDeskTests {
    private static let image = "sha256:" + Digest(hashing: "image").hex
    private static let h200 = DeviceChoiceTests.h200

    /// A Docker that has the image, and an engine that says these lines when it is asked what it sees.
    private struct Played {
        var label = "vulkan"
        var start = (204, "")
        var lines = ["Available devices:", "  Vulkan0: NVIDIA H200 (143771 MiB, 143220 MiB free)"]

        func answer(_ method: String, _ uri: String) -> FakeDocker.Answer {
            if uri == "/version" {
                return .reply(200, #"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#)
            }
            if uri.contains("/images/") {
                return .reply(200, #"{"Id":"\#(image)","Config":{"Labels":{"infernet.engine":"\#(label)"}}}"#)
            }
            if uri.hasSuffix("/start") { return .reply(start.0, start.1) }
            if uri.hasSuffix("/wait") { return .reply(200, #"{"StatusCode":0}"#) }
            // Docker's frames: one of standard output, its length in the last byte.
            if uri.contains("/logs") { return .reply(200, lines.map(Self.frame).joined()) }
            if method == "DELETE" { return .reply(204, "") }
            return .reply(201, #"{"Id":"c1"}"#)
        }

        private static func frame(_ line: String) -> String {
            let text = line + "\n"
            let head: [UInt8] = [1, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)]
            return String(decoding: head, as: UTF8.self) + text
        }
    }

    /// Runs a desk against a played Docker.
    private func with(
        _ played: Played, setting: String = "auto", found: @escaping @Sendable () -> [GraphicsDevice],
        _ body: (DeviceDesk, FakeDocker) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let fake = try await FakeDocker(at: directory.appending("docker.sock"), played.answer)
        let client = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        let docker = DockerClient(client: client, socketPath: directory.appending("docker.sock"))
        let template = try ContainerTemplate(
            image: Self.image, node: "n", user: "1:1", limits: .init(ExecSection()))
        let desk = DeviceDesk(
            DeviceSetting(setting), docker: docker, template: template, container: "infernet-x-devices",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, find: found)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(desk, fake)) } catch { outcome = .failure(error) }
        try await client.shutdown()
        try await fake.close()
        try outcome.get()
    }

    private func model(_ mib: Int64, _ name: String = "m") throws -> EngineModel {
        let hash = Digest(hashing: name)
        return try EngineModel(
            ContentInterface.Resolve.Reply(
                entry: ContentInterface.Entry(
                    name: name, root: hash, sha256: hash, manifest: "m", size: mib << 20, format: "gguf",
                    metadata: [:], addedAt: 0),
                path: "/m", verifyMs: 0))
    }

    @Test func aCardThatTheEngineSeesComputes() async throws {
        try await with(Played(), found: { [Self.h200] }) { desk, fake in
            let devices = await desk.look()
            #expect(devices.isVulkan && devices.choice.given == [Self.h200])
            #expect(devices.memoryMiB == 143_771 && devices.words == "NVIDIA H200")
            let asked = fake.requests.count
            #expect(await desk.look() == devices)
            #expect(fake.requests.count == asked, "what was seen is not looked at again")
            #expect(fake.requests.last == "DELETE /v1.41/containers/c1?force=1&v=1")
        }
    }

    @Test func withoutTheToolkitTheCPUComputesAndTheFixIsNamed() async throws {
        var played = Played()
        played.start = (
            500, #"{"message":"could not select device driver \"nvidia\" with capabilities: [[gpu]]"}"#
        )
        try await with(played, found: { [Self.h200] }) { desk, fake in
            let devices = await desk.look()
            #expect(!devices.isVulkan)
            #expect(
                devices.choice.reason?.contains("install the NVIDIA container toolkit") == true, "\(devices)")
            let asked = fake.requests.count
            _ = await desk.look()
            #expect(fake.requests.count == asked, "not again at once")
        }
    }

    @Test func aContainerThatSeesNothingIsTheCPU() async throws {
        var played = Played()
        played.lines = ["ErrorIncompatibleDriver", "Available devices:", "  (none)"]
        try await with(played, found: { [Self.h200] }) { desk, _ in
            let devices = await desk.look()
            #expect(!devices.isVulkan && devices.choice.reason?.contains("sees no Vulkan device") == true)
            #expect(devices.choice.reason?.contains("ErrorIncompatibleDriver") == true, "\(devices)")
        }
    }

    @Test func anImageForTheCPUIsNeverGivenADevice() async throws {
        var played = Played()
        played.label = ""
        try await with(played, found: { [Self.h200] }) { desk, fake in
            #expect(await desk.look().isVulkan == false)
            #expect(!fake.requests.contains { $0.hasPrefix("POST") }, "\(fake.requests)")
        }
    }

    @Test func aCardThatVanishesLeavesTheCPU() async throws {
        let isThere = Mutex(true)
        let found: @Sendable () -> [GraphicsDevice] = { isThere.withLock { $0 } ? [Self.h200] : [] }
        try await with(Played(), setting: Self.h200.id, found: found) { desk, _ in
            #expect(await desk.look().isVulkan)
            isThere.withLock { $0 = false }
            let devices = try await desk.devices(for: model(100))
            #expect(!devices.isVulkan && devices.choice.reason?.contains("not here") == true)
            isThere.withLock { $0 = true }
            #expect(try await desk.devices(for: model(100)).isVulkan)
        }
    }

    @Test func memoryIsTheCardsAndAModelThatDoesNotFitGoesToTheCPU() async throws {
        try await with(Played(), found: { [Self.h200] }) { desk, _ in
            #expect(try await desk.devices(for: model(120_000)).isVulkan)
            let large = try await desk.devices(for: model(140_000, "large"))
            #expect(!large.isVulkan)
            #expect(large.choice.reason == "'large' needs about 154000 MiB, and NVIDIA H200 has 143771 MiB")
        }
    }

    @Test func aModelThatDidNotLoadThereIsNotTriedAgainAtOnce() async throws {
        try await with(Played(), found: { [Self.h200] }) { desk, _ in
            let devices = try await desk.devices(for: model(100, "odd"))
            try await desk.avoid(devices, for: model(100, "odd"), because: "it crashed")
            #expect(try await desk.devices(for: model(100, "odd")) == .cpu("it crashed"))
            #expect(try await desk.devices(for: model(100, "other")).isVulkan)
            #expect(await desk.exceptions == ["it crashed"])
        }
    }
}
