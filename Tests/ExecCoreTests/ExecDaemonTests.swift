// Proves that exec-d without Docker is degraded and honest, and recovers by itself.

import DaemonKit
import Glibc
import IPC
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import TestKit
import Testing
import Wire

@testable import ExecCore

@Suite struct ExecDaemonTests {
    private static let image = "sha256:" + Digest(hashing: "image").hex

    private func daemon(_ directory: TemporaryDirectory, image: String) async throws -> ExecDaemon {
        var config = ExecSection()
        config.dockerSocket = directory.appending("docker.sock")
        config.image = image
        var node = NodeSection()
        node.runDirectory = directory.path
        node.stateDirectory = directory.path
        return try await ExecDaemon(
            DaemonEnvironment(
                role: .exec, config: config, node: node,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                group: MultiThreadedEventLoopGroup.singleton, sockets: [:], stateDirectory: directory.path,
                runtimeDirectory: directory.path, metrics: MetricsRegistry()))
    }

    @Test func withoutDockerItSaysSoAndComesBack() async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await daemon(directory, image: Self.image)
        let before = await daemon.checks()
        #expect(before.first { $0.name == "docker" }?.ok == false)
        #expect(before.first { $0.name == "docker" }?.fix?.contains("Start Docker") == true)
        #expect(before.first { $0.name == "disk" }?.ok == true)
        let fake = try await FakeDocker(at: directory.appending("docker.sock")) { _, uri in
            uri == "/version"
                ? .reply(200, #"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#)
                : .reply(200, #"{"Id":"\#(Self.image)"}"#)
        }
        let after = await daemon.checks()
        let failed = after.filter { !$0.ok }
        #expect(failed.isEmpty)
        try await fake.close()
    }

    @Test func aMissingImageIsSaidWithTheCommandThatLoadsIt() async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await daemon(directory, image: Self.image)
        let fake = try await FakeDocker(at: directory.appending("docker.sock")) { _, uri in
            uri == "/version"
                ? .reply(200, #"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#)
                : .reply(404, #"{"message":"No such image: x"}"#)
        }
        let check = try #require(await daemon.checks().first { $0.name == "image" })
        #expect(!check.ok)
        #expect(check.fix?.contains("engine/load") == true)
        try await fake.close()
    }

    @Test func withoutAnImageJobsAreRefusedWithAWayOut() async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await daemon(directory, image: "")
        let server = try await LoopbackServer(.exec, runDirectory: directory.path) { daemon.routes(&$0) }
        let link = server.link(as: .aggregator)
        let inventory = try await link.call(ExecInterface.Inventory())
        #expect(inventory.devices.last?.kind == "cpu")
        #expect(!inventory.usable)
        #expect(
            inventory.engineDevices == [] && inventory.engineMemoryMiB == nil,
            "no engine computes with anything")
        do {
            _ = try await link.stream(ExecInterface.Run.example.request) { _ in }
            Issue.record("ran without an image")
        } catch let error as WireError {
            #expect(error.code == .engineUnavailable)
            #expect(error.fix?.contains("engine/load") == true)
        }
        link.close()
        await server.close()
    }
}
