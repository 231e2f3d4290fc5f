// Answers the supervisor's methods: what is, and what a person asks to be done.
// It must never show anything that a peer wrote, nor wait for a daemon longer than a person would.

import IPC
import Interfaces
import Wire

/// The methods of `SupervisorInterface`, over whoever answers for the daemons.
struct SupervisorService: Sendable {
    let house: any House
    let configPath: String?

    func routes(_ router: inout Router) {
        router.on(SupervisorInterface.Status.self) { _, _ in
            await house.lookAgain()
            return await house.status()
        }
        router.on(SupervisorInterface.Privileges.self) { _, _ in .table }
        router.on(SupervisorInterface.Health.self) { _, _ in await house.health() }
        router.on(SupervisorInterface.Metrics.self) { _, _ in .init(text: await house.metrics()) }
        router.on(SupervisorInterface.Restart.self) { request, context in
            try await house.restart(request.daemon, "asked for by \(context.caller.rawValue)")
            return Done()
        }
        router.on(SupervisorInterface.Drain.self) { request, _ in try await house.drain.perform(request) }
        router.on(SupervisorInterface.Shutdown.self) { _, context in
            try house.end("asked for by \(context.caller.rawValue)")
            return Done()
        }
        router.on(SupervisorInterface.ShowConfig.self) { _, _ in
            .init(text: try await house.configurationText(), path: configPath)
        }
        router.stream(SupervisorInterface.Logs.self) { request, _, sink in
            try await house.logs(request, sink)
            return Done()
        }
    }
}
