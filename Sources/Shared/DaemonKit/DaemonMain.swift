// The one skeleton on which every daemon runs, with its phases in one order.
// It must never do a daemon's own work, nor report READY before it would answer.

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
import ServiceLifecycle
import UnixSignals
import Wire

/// Runs a daemon from its first instruction to its exit code.
public enum DaemonMain {
    /// Never returns: the process ends with one of `ExitCode`.
    public static func run<D: Daemon>(_ type: D.Type) async -> Never {
        signal(SIGPIPE, SIG_IGN)
        let role = D.role
        let contract = Result { try ParentContract.adopt(role: role) }
        let wall = Self.wall(contract, role)
        LoggingSystem.bootstrap { _ in JSONLogHandler(daemon: role) }
        let log = Logger(label: role.rawValue)
        if let wall { log.notice("files", metadata: ["wall": "\(wall)"]) }
        do {
            try await serve(type, try contract.get(), log)
            log.notice("stopped")
            exit(ExitCode.ok.rawValue)
        } catch let failure as StartFailure {
            log.critical(
                "cannot start", metadata: ["error": "\(failure.message)", "fix": "\(failure.fix ?? "")"])
            tell(contract, failure.message)
            exit(failure.exit.rawValue)
        } catch {
            let error = WireError.wrapping(error)
            log.critical("failed", metadata: ["error": "\(error)"])
            tell(
                contract,
                [error.message, error.cause.map { "(\($0))" }].compactMap { $0 }.joined(separator: " "))
            exit(ExitCode.failed.rawValue)
        }
    }

    /// Reads a configuration as a start does. What the Swift runtime has to look up for that it looks up once in a
    /// process: one that waits to become a daemon does it before it is needed. It starts no thread.
    public static func rehearse<D: Daemon>(_ type: D.Type) {
        guard let slice = try? NodeConfiguration().slice(for: D.role, callerUIDs: [D.role.rawValue: 0]) else {
            return
        }
        _ = try? WireCoding.decoder.decode(DaemonSlice<D.Config>.self, from: .init(slice))
        _ = Grants.served(by: D.role)
    }

    /// Closes the files that the role's row does not give, where the parent leaves that to the daemon. Without Landlock
    /// the parent's own walls stand alone, and the journal has the reason. nil when the parent closed them.
    static func wall(_ contract: Result<ParentContract, any Error>, _ role: Role) -> String? {
        guard case .success(let contract) = contract, contract.confinesFiles,
            let row = ServiceTable.row(role)
        else { return nil }
        do { return try FileWall.confine(contract, row) } catch {
            return "owner and mode alone: \((error as? SystemError)?.message ?? "\(error)")"
        }
    }

    /// The parent's last word of this process: an exit code alone tells a person nothing.
    private static func tell(_ contract: Result<ParentContract, any Error>, _ why: String) {
        _ = try? contract.get().notifier?.send(.status(SupervisorInterface.failureMark + why))
    }

    private static func serve<D: Daemon>(_ type: D.Type, _ contract: ParentContract, _ log: Logger)
        async throws
    {
        let slice: DaemonSlice<D.Config>
        do {
            slice = try WireCoding.decoder.decode(
                DaemonSlice<D.Config>.self, from: .init(contract.configuration))
        } catch {
            throw StartFailure(.config, "The configuration does not have \(D.role)'s form: \(error).")
        }
        if let level = Logger.Level(rawValue: slice.log.level) {
            JSONLogHandler.threshold.withLockedValue { $0 = level }
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = MetricsRegistry()
        let environment = DaemonEnvironment(
            role: D.role, config: slice.section, node: slice.node, log: log, group: group,
            sockets: contract.outside, kept: contract.kept,
            keeper: ConnectionKeeper(contract.notifier, role: D.role),
            stateDirectory: contract.stateDirectory,
            runtimeDirectory: contract.runtimeDirectory,
            credentialsDirectory: contract.credentialsDirectory, metrics: metrics)
        let daemon = try await D(environment)
        let server = try await listen(daemon, contract, slice.callerUIDs, group, metrics, log)
        contract.notifier?.send(.ready, .status("ready"))
        log.notice("ready", metadata: ["build": "\(Build.name)", "pid": "\(getpid())"])
        let watchdog = startWatchdog(contract.notifier, group.next())
        let care = HeapCare.start(on: group.next()) { await daemon.rest() }
        defer {
            watchdog?.cancel()
            care.cancel()
        }

        let lifecycle = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: DaemonService(daemon: daemon, server: server, notifier: contract.notifier),
                        successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
        try await lifecycle.run()
        await server.close()
    }

    private static func listen<D: Daemon>(
        _ daemon: D, _ contract: ParentContract, _ uids: [String: UInt32]?, _ group: any EventLoopGroup,
        _ metrics: MetricsRegistry, _ log: Logger
    ) async throws -> RPCServer {
        let role = D.role
        let drainer = Drainer()
        var router = Router()
        ControlRoutes(
            metrics: metrics, checks: { await daemon.checks() }, drain: { await drainer.drain() },
            startedAt: Int64(Date().timeIntervalSince1970 * 1000)
        ).bind(&router)
        daemon.routes(&router)
        let missing = Set(Grants.served(by: role)).subtracting(router.served).map(\.name).sorted()
        guard missing.isEmpty else {
            throw StartFailure(.software, "No function is bound to: \(missing.joined(separator: ", ")).")
        }
        let server = RPCServer(
            role: role, router: router, group: group, log: log, observer: RPCMetrics(metrics: metrics),
            authorize: { caller, method in Grants.allows(caller, at: role, method) })
        await drainer.set {
            await server.drain(deadline: .seconds(5))
            await daemon.drain()
        }
        for caller in Grants.callers(of: role) {
            let descriptors = contract.sockets[ServiceTable.label(for: caller)] ?? []
            if descriptors.isEmpty {
                log.warning("no socket for a caller", metadata: ["caller": "\(caller)"])
            }
            for descriptor in descriptors {
                try await server.listen(descriptor: descriptor, caller: caller, uid: uids?[caller.rawValue])
            }
        }
        return server
    }

    /// The event loop itself says that it is alive: one that is blocked says nothing.
    private static func startWatchdog(_ notifier: ServiceNotifier?, _ loop: any EventLoop) -> RepeatedTask? {
        guard let notifier, let interval = notifier.watchdogInterval else { return nil }
        let half = TimeAmount.nanoseconds(Int64(interval / .nanoseconds(1)) / 3)
        return loop.scheduleRepeatedTask(initialDelay: .zero, delay: half) { _ in notifier.send(.watchdog) }
    }
}

/// Lets `control.drain` reach what is built after the routes.
private actor Drainer {
    private var work: (@Sendable () async -> Void)?
    func set(_ work: @escaping @Sendable () async -> Void) { self.work = work }
    func drain() async { await work?() }
}

/// The daemon's work, as ServiceLifecycle runs and ends it.
private struct DaemonService<D: Daemon>: Service, CustomStringConvertible {
    let daemon: D
    let server: RPCServer
    let notifier: ServiceNotifier?

    /// ServiceLifecycle writes down every service; by reflection that would take longer than all else at a start.
    var description: String { D.role.rawValue }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cancelWhenGracefulShutdown { try await daemon.run() } }
            do { _ = try await group.next() } catch is CancellationError {}
            group.cancelAll()
        }
        notifier?.send(.stopping)
        await server.drain(deadline: .seconds(3))
        await daemon.drain()
    }
}
