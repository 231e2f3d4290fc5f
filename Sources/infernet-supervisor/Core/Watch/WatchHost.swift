// Puts the house under systemd together: the sockets that systemd handed over, the watch, the answers.
// It must never bind, make or remove anything: everything was there before it, and stays.

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

enum WatchHost {
    /// Watches until somebody stops it.
    ///
    /// - Parameter sockets: what `LISTEN_FDS` counted, by label.
    static func run(
        configPath: String, sockets: [String: [Int32]], parent: ServiceNotifier?, stop: StopSwitch
    ) async throws {
        guard let state = getenv("STATE_DIRECTORY").map({ String(cString: $0) }) else {
            throw WireError(
                .invalidParams, "--watch is for systemd: STATE_DIRECTORY is missing.",
                fix: "Start infernet.target, or without --watch a node of your own.")
        }
        let clock = NodeClock()
        let configuration = WatchedConfiguration(path: configPath)
        let level = Logger.Level(rawValue: configuration.inForce.log.level) ?? .info
        let log = Logger(label: Role.supervisor.rawValue) { _ in
            HubLogHandler(level: level, hub: nil, clock: clock) { line in
                let text = line + [0x0A]
                _ = write(2, text, text.count)
            }
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let watch = HouseWatch(
            configuration: configuration, stateDirectory: state, log: log, clock: clock, loop: group.next())
        var router = Router()
        SupervisorService(house: watch, configPath: configPath).routes(&router)
        let server = RPCServer(role: .supervisor, router: router, group: group, log: log) {
            Grants.allows($0, at: .supervisor, $1)
        }
        for caller in Grants.callers(of: .supervisor) {
            // The person's hand is whoever the socket's mode lets in; a daemon is its user and nobody else.
            let uid = try ServiceTable.row(caller).flatMap { try UserAccount.find($0.user)?.uid }
            for descriptor in sockets[ServiceTable.label(for: caller)] ?? [] {
                try await server.listen(descriptor: descriptor, caller: caller, uid: uid)
            }
        }
        log.notice("watching the node", metadata: ["build": "\(Build.name)"])
        let ended = AsyncStream<Void>.makeStream()
        stop.listen { _ in ended.continuation.finish() }
        await watch.begin()
        let voice = Task { await parent?.speak(for: watch) {} }
        for await _ in ended.stream {}
        voice.cancel()
        parent?.send(.stopping)
        await watch.close()
        await server.drain(deadline: .seconds(1))
        await server.close()
        DeathBook.flush()
        try await group.shutdownGracefully()
    }
}
