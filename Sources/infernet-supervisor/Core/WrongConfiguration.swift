// What a node is while its configuration is wrong: no daemon runs, and the status says why and what to do. It starts by
// itself once the file is right. It must never guess what a wrong file meant.

import ConfigFile
import FoundationEssentials
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeSystem
import Policy
import Synchronization
import Wire

/// A node that waits for its configuration to be corrected.
final class WrongConfiguration: Sendable {
    private let path: String
    private let problem: Mutex<WireError>
    private let folders = NodeFolders(NodeSection())
    private let clock = NodeClock()

    init(_ problem: WireError, path: String) {
        self.problem = Mutex(problem)
        self.path = path
    }

    /// Serves people in the default run directory until the file is right or somebody stops it.
    ///
    /// - Returns: the configuration; nil when it was asked to stop.
    /// - Throws: `SystemError` when the run directory cannot be used, as when another node has it.
    func wait(_ stop: StopSwitch) async throws -> NodeConfiguration? {
        let isolation = try Isolation(
            isRoot: ProcessIdentity.effectiveUser == 0, rows: ServiceTable.rows, user: UserAccount.find,
            group: GroupAccount.find)
        try folders.prepareRun(isolation)
        let lock = try FileLock(
            path: "\(folders.run)/supervisor.lock", purpose: "the run directory \(folders.run)")
        defer { lock.release() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = RPCServer(
            role: .supervisor, router: router(isolation, stop), group: group,
            log: Logger(label: "waiting") { _ in SwiftLogNoOpLogHandler() }
        ) { Grants.allows($0, at: .supervisor, $1) }
        let access = isolation.socketAccess(for: .ctl)
        let socket = NodePaths.socket(runDirectory: folders.run, callee: .supervisor, caller: .ctl)
        try await server.listen(
            descriptor: try UnixSocket.listen(
                at: socket, mode: access.mode, owner: access.owner, replacesServed: true), caller: .ctl,
            uid: nil)
        var corrected: NodeConfiguration?
        while corrected == nil, stop.reason == nil {
            try? await Task.sleep(for: .milliseconds(500))
            do { corrected = try ConfigFile.read(path) } catch {
                problem.withLock { $0 = WireError.wrapping(error) }
            }
        }
        await server.drain(deadline: .seconds(1))
        await server.close()
        try? FileManager.default.removeItem(atPath: socket)
        try await group.shutdownGracefully()
        return stop.reason == nil ? corrected : nil
    }

    private func router(_ isolation: Isolation, _ stop: StopSwitch) -> Router {
        var router = Router()
        router.on(SupervisorInterface.Status.self) { _, _ in self.status(isolation) }
        router.on(SupervisorInterface.Health.self) { _, _ in
            let problem = self.problem.withLock { $0 }
            return .init(state: .failed, reason: problem.message, fix: problem.fix)
        }
        router.on(SupervisorInterface.Shutdown.self) { _, _ in
            stop.flip("asked for by a person")
            return Done()
        }
        router.on(SupervisorInterface.ShowConfig.self) { _, _ in throw self.problem.withLock { $0 } }
        router.on(SupervisorInterface.Metrics.self) { _, _ in throw self.problem.withLock { $0 } }
        router.on(SupervisorInterface.Restart.self) { _, _ in throw self.problem.withLock { $0 } }
        router.stream(SupervisorInterface.Logs.self) { _, _, _ in throw self.problem.withLock { $0 } }
        return router
    }

    private func status(_ isolation: Isolation) -> SupervisorInterface.Status.Reply {
        let problem = problem.withLock { $0 }
        let since = clock.unixMilliseconds - clock.milliseconds
        return .init(
            version: Build.version, state: .failed, reason: problem.message,
            fix: problem.fix ?? "Correct \(path); the node starts by itself then.", pid: ProcessIdentity.pid,
            mode: "spawned", singleUid: isolation.isSingle, isolation: isolation.explanation,
            uptimeMs: clock.milliseconds, stateDirectory: folders.state, runDirectory: folders.run,
            daemons: ServiceTable.rows.map {
                .init(
                    daemon: $0.role, state: .down, reason: "waits for a configuration that is right",
                    since: since)
            })
    }
}
