// Proves that the house under systemd sees what happens to daemons that it neither starts nor ends: real sockets, real
// calls, and in place of a daemon a server in this process that says which process it is.

import FoundationEssentials
import Glibc
import IPC
import Interfaces
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NodeConfig
import NodeSystem
import Policy
import Testing
import Wire

@testable import SupervisorCore

/// Six daemons that answer `control.*`, each as the process that the test says.
private final class ToldDaemons: Sendable {
    struct Told {
        var pid: Int32
        var checks: [ControlInterface.Check] = []
        var exits: [Int32] = []
        var drains = 0
        var asked = 0
        /// Whether being asked to exit is answered by a successor.
        var obeys = true
    }
    let run: String
    let told = NIOLockedValueBox<[Role: Told]>([:])
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let log = Logger(label: "told") { _ in SwiftLogNoOpLogHandler() }

    init() async throws {
        run = TestFolder.make("watch")
        var next: Int32 = 1000
        for role in Role.daemons {
            next += 1
            told.withLockedValue { $0[role] = Told(pid: next) }
            try await serve(role)
        }
    }

    private func serve(_ role: Role) async throws {
        let told = told
        var router = Router()
        router.on(ControlInterface.Process.self) { _, _ in
            let pid = told.withLockedValue {
                $0[role]?.asked += 1
                return $0[role]?.pid ?? 0
            }
            return .init(build: "test", pid: pid, uid: UInt32(pid), startedAt: 1, memoryKiB: 7)
        }
        router.on(ControlInterface.Health.self) { _, _ in
            .init(checks: told.withLockedValue { $0[role]?.checks } ?? [])
        }
        router.on(ControlInterface.Metrics.self) { _, _ in .init(text: "told_total 1\n") }
        router.on(ControlInterface.Drain.self) { request, _ in
            told.withLockedValue { all in
                if all[role]?.pid == request.pid { all[role]?.drains += 1 }
            }
            return Done()
        }
        router.on(ControlInterface.Exit.self) { request, _ in
            told.withLockedValue { all in
                all[role]?.exits.append(request.pid)
                if all[role]?.obeys == true { all[role]?.pid += 100 }
            }
            return Done()
        }
        let server = RPCServer(role: role, router: router, group: group, log: log) {
            Grants.allows($0, at: role, $1)
        }
        let path = NodePaths.socket(runDirectory: run, callee: role, caller: .supervisor)
        mkdir("\(run)/\(role.rawValue)", 0o700)
        try await server.listen(
            descriptor: try UnixSocket.listen(at: path, mode: 0o600), caller: .supervisor, uid: nil)
    }

    func watch(config: String = "") -> HouseWatch {
        let path = run + "/infernet.yaml"
        TestFolder.write(config, to: path)
        return HouseWatch(
            configuration: WatchedConfiguration(path: path), stateDirectory: run, runDirectory: run, log: log,
            clock: NodeClock(), loop: group.next())
    }

    /// Waits until a condition holds; false when it does not within the time.
    static func waits(_ condition: () async -> Bool) async -> Bool {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if await condition() { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}

extension HouseWatch {
    fileprivate func daemon(_ role: Role) -> SupervisorInterface.DaemonStatus? {
        status().daemons.first { $0.daemon == role }
    }
}

@Suite struct WatchTests {
    @Test func whatRunsIsSeenInItsOwnWords() async throws {
        let daemons = try await ToldDaemons()
        let watch = daemons.watch()
        await watch.begin()
        #expect(await ToldDaemons.waits { await watch.health().state == .ready })
        let status = await watch.status()
        #expect(status.mode == "systemd" && status.daemons.count == 6)
        let ws = try #require(await watch.daemon(.ws))
        let pid = daemons.told.withLockedValue { $0[.ws]?.pid }
        #expect(ws.pid == pid && ws.uid == pid.map(UInt32.init) && ws.memoryKiB == 7 && ws.restarts == 0)
        #expect(await watch.metrics().contains("infernet_daemon_up{daemon=\"ws-d\"} 1"))
        #expect(await watch.metrics().contains("told_total{daemon=\"ws-d\"} 1"))
        await watch.close()
    }

    @Test func anotherProcessIsARestartThatNobodyAskedFor() async throws {
        let daemons = try await ToldDaemons()
        let watch = daemons.watch()
        await watch.begin()
        #expect(await ToldDaemons.waits { await watch.health().state == .ready })
        daemons.told.withLockedValue { $0[.dht]?.pid = 4711 }
        #expect(await ToldDaemons.waits { await watch.daemon(.dht)?.pid == 4711 })
        let dht = try #require(await watch.daemon(.dht))
        #expect(dht.restarts == 1 && dht.state == .ready && dht.lastDeath != nil)
        #expect(await watch.daemon(.ws)?.restarts == 0)
        await watch.close()
    }

    @Test func aSickDaemonIsToldWithItsFix() async throws {
        let daemons = try await ToldDaemons()
        daemons.told.withLockedValue {
            $0[.exec]?.checks = [.init(name: "docker", ok: false, reason: "nobody answers", fix: "Start it.")]
        }
        let watch = daemons.watch()
        await watch.begin()
        #expect(await ToldDaemons.waits { await watch.daemon(.exec)?.state == .degraded })
        let health = await watch.health()
        #expect(health.fix == "Start it." || health.state == .starting)
        #expect(await watch.daemon(.exec)?.reason == "docker: nobody answers")
        await watch.close()
    }

    @Test func aRestartIsAskedForAndNotForced() async throws {
        let daemons = try await ToldDaemons()
        let watch = daemons.watch()
        await watch.begin()
        #expect(await ToldDaemons.waits { await watch.health().state == .ready })
        let before = try #require(await watch.daemon(.ws)?.pid)
        try await watch.restart(.ws, "the test")
        let after = try #require(await watch.daemon(.ws))
        #expect(after.pid == before + 100 && after.restarts == 0, "asked for, so not counted")
        let told = try #require(daemons.told.withLockedValue { $0[.ws] })
        #expect(told.drains == 1 && told.exits == [before])
        await watch.close()
    }

    @Test func aWrongConfigurationIsNamedAndWakesNobody() async throws {
        let daemons = try await ToldDaemons()
        let watch = daemons.watch(config: "log:\n  level: info\nexec:\n  slot: 2\n")
        await watch.begin()
        let health = await watch.health()
        #expect(health.state == .failed && health.reason.contains("line 4: exec.slot"))
        #expect(health.fix?.contains("'slots'") == true)
        #expect(await watch.status().daemons.allSatisfy { $0.state == .down && $0.pid == nil })
        #expect(daemons.told.withLockedValue { $0.values.allSatisfy { $0.asked == 0 } })
        // Once the file is right, the daemons are looked at without anybody's help.
        TestFolder.write("exec:\n  slots: 2\n", to: daemons.run + "/infernet.yaml")
        #expect(await ToldDaemons.waits { await watch.health().state == .ready })
        await watch.close()
    }

    @Test func slicesAreForUsersOfTheirOwn() throws {
        var uid: UInt32 = 500
        let user: (String) throws -> UserAccount? = {
            uid += 1
            return UserAccount(name: $0, uid: uid, gid: uid, groups: [uid])
        }
        let rendered = try RenderedSlices(NodeConfiguration(), user: user)
        #expect(rendered.files.map(\.role) == ServiceTable.rows.map(\.role))
        let folder = TestFolder.make("slices")
        try rendered.write(to: folder + "/config")
        for (role, json) in rendered.files {
            let text = String(decoding: json, as: UTF8.self)
            #expect(text.contains("\"infernet-supervisor\":507") && text.contains("\"ws-d\":506"))
            #expect(text.contains("run\\/infernet") || text.contains("/run/infernet"))
            var info = stat()
            #expect(stat("\(folder)/config/\(role.rawValue).json", &info) == 0)
            #expect(info.st_mode & 0o777 == 0o600 && info.st_size == json.count)
        }
        #expect(throws: WireError.self) { try RenderedSlices(NodeConfiguration()) { _ in nil } }
        var moved = NodeConfiguration()
        moved.node.stateDirectory = "/elsewhere"
        #expect(throws: WireError.self) { try RenderedSlices(moved, user: user) }
    }

    @Test func socketsListenWhereTheConfigurationSays() throws {
        var configuration = NodeConfiguration()
        configuration.http.listen = "0.0.0.0:8081"
        configuration.http.apiKeys = ["sha256:" + String(repeating: "0", count: 64)]
        configuration.peer.listen = "[::]:9100"
        configuration.dht.listen = ""
        let folder = TestFolder.make("generated")
        try SocketAddresses(configuration).write(to: folder)
        try SocketAddresses(configuration).write(to: folder)
        func text(_ path: String) -> String { contents(folder + "/" + path) }
        #expect(
            text("infernet-ws-http.socket.d/10-infernet-yaml.conf")
                == "[Socket]\nListenStream=\nListenStream=0.0.0.0:8081\n")
        #expect(text("infernet-ws-peer.socket.d/10-infernet-yaml.conf").contains("=[::]:9100\n"))
        #expect(readlink(folder + "/infernet-dht-dht.socket") == "/dev/null")
        #expect(
            readlink(folder + "/infernet.target.wants/infernet-ws-peer.socket")
                == "/lib/systemd/system/infernet-ws-peer.socket")
    }

    private func contents(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func readlink(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = Glibc.readlink(path, &buffer, 255)
        return count < 0
            ? "" : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
