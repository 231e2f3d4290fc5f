// Puts a node together, runs it, and takes it apart. It must never leave a socket or a child behind when it returns.

import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeSystem
import Policy
import Wire

enum NodeHost {
    /// Runs a node until somebody stops it. The daemons' programs are in `programs`, or beside this one; `parent` is
    /// who started this process, when it wants to know how the node is.
    ///
    /// - Throws: `SystemError` when the node cannot even begin.
    static func run(
        _ configuration: NodeConfiguration, configPath: String?, parent: ServiceNotifier?, stop: StopSwitch,
        spawner: SpawnThread, programs: String? = nil
    ) async throws {
        let clock = NodeClock()
        let rows = ServiceTable.rows
        let isolation = try Isolation(
            isRoot: ProcessIdentity.effectiveUser == 0, rows: rows, user: UserAccount.find,
            group: GroupAccount.find)
        let folders = NodeFolders(configuration.node)
        try folders.prepare(isolation, rows: rows)
        let locks = try [
            FileLock(path: "\(folders.run)/supervisor.lock", purpose: "the run directory \(folders.run)"),
            FileLock(
                path: "\(folders.state)/supervisor.lock", purpose: "the state directory \(folders.state)"),
        ]
        let hub = LogHub(folder: folders.logs) { clock.unixMilliseconds }
        let log = Logger(label: Role.supervisor.rawValue) { _ in
            HubLogHandler(
                level: Logger.Level(rawValue: configuration.log.level) ?? .info, hub: hub, clock: clock,
                echo: echo)
        }
        log.notice(
            "starting the node",
            metadata: [
                "build": "\(Build.name)", "isolation": "\(isolation.explanation)", "child": "\(getpid())",
            ])
        let own = try ProcessIdentity.executablePath()
        let launcher = Launcher(
            configuration: configuration, folders: folders, isolation: isolation,
            programs: programs ?? String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]))
        let sockets = try NodeSockets(configuration, folders: folders, isolation: isolation)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let supervisor = try Supervisor(
            configuration: configuration, folders: folders, isolation: isolation, launcher: launcher,
            sockets: sockets, hub: hub, log: log, clock: clock, stop: stop, spawner: spawner,
            loop: group.next())

        stop.listen { why in Task { await supervisor.shutDown(why) } }
        var router = Router()
        SupervisorService(house: supervisor, configPath: configPath).routes(&router)
        let server = RPCServer(role: .supervisor, router: router, group: group, log: log) {
            Grants.allows($0, at: .supervisor, $1)
        }
        for socket in sockets.own {
            try await server.listen(
                descriptor: socket.descriptor, caller: socket.caller, uid: isolation.uid(of: socket.caller))
        }
        let voice = Task { await parent?.speak(for: supervisor) { await supervisor.untilStarted() } }
        await supervisor.run()

        voice.cancel()
        parent?.send(.stopping)
        await server.drain(deadline: .seconds(1))
        await server.close()
        sockets.remove()
        unlink(folders.notifySocket)
        log.notice("the node has stopped")
        hub.flush()
        DeathBook.flush()
        try await group.shutdownGracefully()
        for lock in locks { lock.release() }
    }

    /// The supervisor's own lines also go to whoever reads its standard error, if that can take them now.
    private static func echo(_ line: [UInt8]) {
        var ready = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLOUT) != 0 else { return }
        let text = line + [0x0A]
        _ = write(2, text, text.count)
    }
}
