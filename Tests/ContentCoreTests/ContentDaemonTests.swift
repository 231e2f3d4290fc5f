// Proves the daemon's methods over real sockets: hand over, import, resolve, damage, checks.

import DaemonKit
import Glibc
import IPC
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import NodeSystem
import Synchronization
import TestKit
import Testing
import Wire

@testable import ContentCore

@Suite struct ContentDaemonTests {
    /// A daemon that serves, and a line to it as the person's hand.
    private final class House: Sendable {
        let folder: TemporaryDirectory
        let daemon: ContentDaemon
        let server: LoopbackServer
        let socket: Int32

        init(headroom: Int64 = 0, handoff: Bool = true, stateDirectory: String? = nil) async throws {
            folder = try TemporaryDirectory()
            socket = try UnixSocket.listen(at: folder.appending("h.sock"))
            var config = ContentSection()
            config.headroomBytes = headroom
            let environment = DaemonEnvironment(
                role: .content, config: config, node: NodeSection(),
                log: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() },
                group: MultiThreadedEventLoopGroup.singleton,
                sockets: handoff ? ["handoff": [socket]] : [:],
                stateDirectory: try stateDirectory ?? folder.directory("state"),
                runtimeDirectory: try folder.directory("run"), metrics: MetricsRegistry())
            let daemon = try await ContentDaemon(environment)
            self.daemon = daemon
            server = try await LoopbackServer(
                .content, runDirectory: try folder.directory("r"), routes: { daemon.routes(&$0) })
        }

        func end() async {
            await daemon.drain()
            await server.close()
            close(socket)
        }

        func add(
            _ bytes: [UInt8], _ name: String,
            onEvent: @escaping @Sendable (ContentInterface.Import.Event) -> Void = { _ in }
        ) async throws -> ContentInterface.Import.Reply {
            let file = try Sample.file(folder.appending("source"), bytes)
            defer { close(file) }
            let connection = try UnixSocket.connect(to: folder.appending("h.sock"))
            defer { close(connection) }
            var random = SystemRandomNumberGenerator()
            let token = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            try UnixSocket.sendDescriptor(file, over: connection, payload: token)
            var answer: UInt8 = 9
            #expect(recv(connection, &answer, 1, 0) == 1 && answer == 1)
            return try await server.link(as: .ctl).stream(
                ContentInterface.Import(token: Hex.encode(token), name: name), onEvent: { onEvent($0) })
        }
    }

    @Test("hand over, import with progress, list, resolve, verify, remove")
    func whole() async throws {
        let house = try await House()
        let bytes = GGUFBuilder.model() + Sample.bytes(5_000_000)
        let last = Mutex<ContentInterface.Import.Event?>(nil)
        let reply = try await house.add(bytes, "Tiny") { event in last.withLock { $0 = event } }
        #expect(!reply.existed && reply.entry.name == "tiny")
        #expect(last.withLock { $0 } == .init(done: Int64(bytes.count), total: Int64(bytes.count)))
        #expect(try await house.add(bytes, "tiny").existed)

        let exec = house.server.link(as: .exec)
        let resolved = try await exec.call(ContentInterface.Resolve(reference: reply.entry.root.hex))
        #expect(try DiskFile.contents(resolved.path, longest: 1 << 24) == bytes)
        #expect(try await exec.call(ContentInterface.Resolve(reference: "tiny")).verifyMs == 0)
        let hand = house.server.link(as: .ctl)
        #expect(try await hand.call(ContentInterface.Verify(reference: "tiny")).verifyMs > 0)
        #expect(try await hand.call(ContentInterface.List()).entries == [reply.entry])
        #expect(await house.daemon.checks().allSatisfy(\.ok))
        _ = try await hand.call(ContentInterface.Remove(reference: "tiny"))
        await #expect(throws: WireError(.notFound, "")) {
            try await exec.call(ContentInterface.Resolve(reference: "tiny"))
        }
        await house.end()
    }

    @Test(
        "a damaged file is never resolved, shows in the checks with its fix, and is mended by adding it again"
    )
    func damage() async throws {
        let house = try await House()
        let bytes = Sample.bytes(300_000)
        let entry = try await house.add(bytes, "m").entry
        let link = house.server.link(as: .exec)
        let path = try await link.call(ContentInterface.Resolve(reference: "m")).path
        chmod(path, 0o644)
        let descriptor = open(path, O_WRONLY)
        var byte = bytes[150_000] ^ 0x80
        #expect(pwrite(descriptor, &byte, 1, 150_000) == 1)
        close(descriptor)

        // The daemon's own round finds it, before any job does.
        let round = Task { try await house.daemon.run() }
        var found: ControlInterface.Check?
        for _ in 0..<100 where found == nil {
            found = await house.daemon.checks().first { $0.name == "content" && !$0.ok }
            try await Task.sleep(for: .milliseconds(20))
        }
        round.cancel()
        #expect(found?.reason.contains("m") == true)
        #expect(found?.fix?.contains("infernetctl content add") == true)
        let error = await #expect(throws: WireError(.corrupt, "")) {
            try await link.call(ContentInterface.Resolve(reference: "m"))
        }
        #expect(error?.fix?.contains("content remove m") == true)
        let listed = try await link.call(ContentInterface.List()).entries
        #expect(listed.map { $0.problem ?? "" } == ["its bytes do not have its address"])

        #expect(try await house.add(bytes, "m").existed)
        #expect(try await link.call(ContentInterface.Resolve(reference: entry.root.hex)).entry == entry)
        #expect(await house.daemon.checks().allSatisfy(\.ok))
        await house.end()
    }

    @Test("unknown tokens, a full disk, a missing socket and an unusable directory are told, not fatal")
    func honest() async throws {
        let house = try await House(headroom: .max / 2, handoff: true)
        let link = house.server.link(as: .ctl)
        let unknown = ContentInterface.Import(
            token: Digest(hashing: "").hex.prefix(32).lowercased(), name: "a")
        await #expect(throws: WireError(.invalidRequest, "")) {
            try await link.stream(unknown, onEvent: { _ in })
        }
        await #expect(throws: WireError(.diskFull, "")) { try await house.add([1, 2, 3], "a") }
        #expect(await house.daemon.checks().first { $0.name == "disk" }?.ok == false)
        await house.end()

        let deaf = try await House(handoff: false)
        #expect(await deaf.daemon.checks().first { $0.name == "handoff" }?.fix != nil)
        await deaf.end()

        let broken = try await House(stateDirectory: "/proc/infernet-cannot-be-made")
        let check = await broken.daemon.checks().first { $0.name == "store" }
        #expect(check?.ok == false && check?.fix != nil)
        await #expect(throws: WireError(.unavailable, "")) {
            try await broken.server.link(as: .ctl).call(ContentInterface.List())
        }
        await broken.end()
    }

    @Test("an import whose caller leaves is stopped and leaves nothing")
    func cancelled() async throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        // Without blocks on the disk, and too long to be copied before the caller is seen to be gone.
        let source = try Sample.file(folder.appending("f"), [7])
        #expect(ftruncate(source, 4 << 30) == 0)
        var before = stat()
        #expect(fstat(source, &before) == 0)
        let job = ImportJob(descriptor: source, name: "a", token: "t")
        await #expect(throws: WireError(.upstreamLost, "")) {
            try await job.run(in: store) { _, _ in throw WireError(.upstreamLost, "gone") }
        }
        #expect(try Sample.tree(store.layout.directory).isEmpty)
        // Closed; by now the number may be another test's file.
        var after = stat()
        #expect(fstat(source, &after) != 0 || after.st_ino != before.st_ino)
    }
}
