// The methods that every daemon serves, bound once here.
// It must never be something that a single daemon overrides.

import Glibc
import IPC
import Interfaces
import Logging
import NIOConcurrencyHelpers
import NodeSystem
import Wire

/// Binds `control.*`.
struct ControlRoutes: Sendable {
    let metrics: MetricsRegistry
    let checks: @Sendable () async -> [ControlInterface.Check]
    let drain: @Sendable () async -> Void
    /// Unix milliseconds of this process's start.
    let startedAt: Int64

    func bind(_ router: inout Router) {
        router.on(ControlInterface.Health.self) { _, _ in
            ControlInterface.Health.Reply(checks: await checks())
        }
        router.answer(ControlInterface.Version.self) { _, _ in
            ControlInterface.Version.Reply(
                build: Build.name, interface: Hello.interfaceVersion, pid: getpid())
        }
        router.on(ControlInterface.Metrics.self) { _, _ in
            ControlInterface.Metrics.Reply(text: metrics.text())
        }
        router.on(ControlInterface.Drain.self) { request, _ in
            try Self.check(request.pid)
            await drain()
            return Done()
        }
        router.on(ControlInterface.Process.self) { _, _ in
            let memory = try? ProcessMemory.of(pid: getpid())
            return .init(
                build: Build.name, pid: getpid(), uid: geteuid(), startedAt: startedAt,
                memoryKiB: memory.map { Int($0.pssBytes / 1024) })
        }
        router.answer(ControlInterface.Exit.self) { request, context in
            try Self.check(request.pid)
            context.log.notice("asked to exit", metadata: ["by": "\(context.caller.rawValue)"])
            // The way of an orderly stop, whoever asks for it: drain, then exit with 0.
            kill(getpid(), SIGTERM)
            return Done()
        }
        router.answer(ControlInterface.SetLogLevel.self) { request, context in
            guard let level = Logger.Level(rawValue: request.level) else {
                throw WireError(
                    .invalidParams, "'\(request.level)' is not a level.",
                    fix: "One of: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            JSONLogHandler.threshold.withLockedValue { $0 = level }
            context.log.notice("log level changed", metadata: ["level": "\(level)"])
            return Done()
        }
        router.answer(ControlInterface.Ping.self) { request, _ in
            ControlInterface.Ping.Reply(payload: request.payload)
        }
    }
}

extension ControlRoutes {
    /// Refuses what was meant for the process before this one.
    private static func check(_ pid: Int32) throws(WireError) {
        guard pid == getpid() else {
            throw WireError(.notFound, "Process \(pid) was meant, but \(getpid()) serves now.")
        }
    }
}

/// Counts requests and incidents.
struct RPCMetrics: RPCObserver {
    let metrics: MetricsRegistry
    /// What a method that succeeds adds to; the names of methods are a callee's own, so there are few.
    private let known = NIOLockedValueBox<
        [String: (answered: MetricsRegistry.Series, took: MetricsRegistry.Series)]
    >(
        [:])

    init(metrics: MetricsRegistry) { self.metrics = metrics }

    func finished(method: String, caller: Role, code: ErrorCode?, nanoseconds: Int64) {
        let seconds = Double(nanoseconds) / 1e9
        if code == nil, let series = known.withLockedValue({ $0[method] }) {
            return series.answered.add(observing: seconds, in: series.took)
        }
        let answered = metrics.counter(
            "infernet_rpc_requests_total", labels: ["method", method, "code", code?.rawValue ?? "ok"],
            help: "Requests answered on the node's own sockets.")
        let took = metrics.histogram(
            "infernet_rpc_seconds", labels: ["method", method],
            help: "From request to reply on the node's own sockets.")
        answered.add(observing: seconds, in: took)
        // Only a method that exists succeeds, so that no caller can fill this with names of its own.
        if code == nil { known.withLockedValue { $0[method] = (answered, took) } }
    }

    func incident(caller: Role, code: ErrorCode) {
        metrics.count(
            "infernet_rpc_incidents_total", labels: ["caller", caller.rawValue, "code", code.rawValue],
            help: "Connections closed because a caller broke the protocol or its grants.")
    }
}
