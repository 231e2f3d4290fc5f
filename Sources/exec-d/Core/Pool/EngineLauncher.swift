// Runs one engine from the making of its container to the removal of its last trace.
// It must never leave a container behind because a task was cancelled: what was begun is finished, then undone.

import AsyncHTTPClient
import Logging
import Synchronization
import Wire

/// Starts, watches and removes engines' containers.
struct EngineLauncher: Sendable {
    let docker: DockerClient
    let client: HTTPClient
    /// Keeps connections to engines.
    let kept: HTTPClient
    let template: ContainerTemplate
    let folder: EngineFolder
    /// From the call to Docker to the loaded model.
    let loadLimit: Duration
    let log: Logger
    /// Says what each engine computes with; nil: the CPU.
    var desk: DeviceDesk?

    func engine(_ name: String) -> EngineClient {
        EngineClient(client: client, kept: kept, socketPath: folder.socket(name))
    }

    /// Runs an engine until it ends or the task is cancelled; then `cleanUp` is due. One that does not come up with the
    /// devices that it was given is begun once more, on the CPU.
    /// - Parameter onReady: called once, when the engine has its model loaded.
    /// - Returns: why it is not running, and whether that is because of this model: Docker had its part in it otherwise.
    func run(_ name: String, _ model: EngineModel, onReady: @escaping @Sendable () async -> Void) async
        -> (reason: WireError, isModels: Bool)
    {
        guard let desk else { return await run(name, model, on: EngineDevices(), onReady: onReady) }
        let devices = await desk.devices(for: model)
        guard devices.isVulkan else { return await run(name, model, on: devices, onReady: onReady) }
        let came = Atomic(false)
        let end = await run(name, model, on: devices) {
            came.store(true, ordering: .relaxed)
            await onReady()
        }
        await desk.doubt()
        guard !came.load(ordering: .relaxed), !Task.isCancelled, await cleanUp(name) else { return end }
        let words = "'\(model.name)' did not load on \(devices.words): \(end.reason.message)"
        return await run(name, model, on: .cpu(words)) {
            // What fails on the CPU as well was not the devices' fault.
            await desk.avoid(devices, for: model, because: words)
            await onReady()
        }
    }

    private func run(
        _ name: String, _ model: EngineModel, on devices: EngineDevices,
        onReady: @escaping @Sendable () async -> Void
    ) async -> (reason: WireError, isModels: Bool) {
        var container = false
        let began = ContinuousClock.now
        do {
            // What a GPU holds was looked at by the desk; all else lies within the container's limit.
            if devices.memoryMiB == nil, let problem = model.problem(memoryMiB: template.limits.memoryMiB) {
                return (problem, true)
            }
            try folder.make(name)
            let id = try await self.container(name, model, devices.choice)
            container = true
            try Task.checkCancellation()
            let exit = try await withThrowingTaskGroup(of: WireError?.self) { group in
                group.addTask { try await exitReason(id).wire(memoryMiB: template.limits.memoryMiB) }
                group.addTask {
                    try await becomeReady(name, began)
                    return nil
                }
                defer { group.cancelAll() }
                if let early = try await group.next(), let exit = early {
                    // No prompt has been in this engine, so its last words are its own.
                    var exit = exit
                    exit.cause = try? await docker.lastLines(id, count: 5).last { !$0.isEmpty }
                    return exit
                }
                await onReady()
                guard let late = try await group.next(), let exit = late else { throw CancellationError() }
                return exit
            }
            return (exit, true)
        } catch let error as DockerError { return (error.wire, false) } catch {
            return (WireError.wrapping(error), container && !(error is CancellationError))
        }
    }

    /// Removes container and folder, whether or not the task was cancelled.
    /// - Returns: whether Docker says that the container is gone.
    func cleanUp(_ name: String) async -> Bool {
        let gone = await shielded {
            do { try await docker.remove(name) } catch {
                log.warning(
                    "container not removed", metadata: ["container": "\(name)", "reason": "\(error)"])
                return false
            }
            return true
        }
        folder.remove(name)
        return gone
    }

    /// Creates and starts: both or, if the second fails, neither.
    private func container(_ name: String, _ model: EngineModel, _ devices: DeviceChoice) async throws
        -> String
    {
        let body = template.body(
            modelRoot: model.root, modelPath: model.path, folder: folder.path(name), devices: devices)
        let outcome: Result<String, DockerError> = await shielded {
            do throws(DockerError) {
                let id = try await docker.create(body, name: name)
                try await docker.start(id)
                return .success(id)
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    private func becomeReady(_ name: String, _ began: ContinuousClock.Instant) async throws {
        let engine = engine(name)
        while true {
            let left = loadLimit - (ContinuousClock.now - began)
            guard left > .zero else {
                throw WireError(
                    .engineUnavailable, "The engine did not load its model within \(loadLimit).",
                    fix: "Raise exec.load_ms, or use a smaller model.", retryAfterMs: 1_000)
            }
            if await engine.isReady(within: min(left, .seconds(2))) { return }
            // The engine has no way to tell us: it neither notifies nor keeps a caller waiting while it loads.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Waits for the container's end, through pauses of Docker itself.
    private func exitReason(_ id: String) async throws -> EngineExit {
        while true {
            try Task.checkCancellation()
            do throws(DockerError) {
                _ = try await docker.wait(id)
                return EngineExit(try await docker.inspect(id).state)
            } catch {
                try Task.checkCancellation()
                if error.kind == .noSuchContainer { return EngineExit(code: nil) }
                // Docker is being restarted, say. An engine that still runs goes on serving over its own socket.
                log.warning(
                    "lost sight of an engine", metadata: ["container": "\(id)", "reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func shielded<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        await Task { await work() }.value
    }
}
