// exec-d as a whole: reads its configuration, joins the parts, binds its methods.
// It must never open a socket to a network, nor give anybody else the use of Docker's.
//
// Security: Docker's socket is root's power over this machine. exec-d alone holds it, creates one kind of container
// from one template, and takes from its callers a model's name and a request, nothing that reaches Docker.

import AsyncHTTPClient
public import DaemonKit
import Glibc
public import IPC
public import Interfaces
import Logging
import NIOCore
public import NodeConfig
import NodeModel
public import Wire

/// Runs jobs in engines.
public final class ExecDaemon: Daemon {
    public static let role = Role.exec

    private let docker: DockerClient
    private let store: RunStore
    private let image: String
    private let house: EngineHouse?
    private let runner: JobRunner?
    private let scorer: AnswerScorer?
    private let upkeep: Upkeep
    private let checker: ExecChecks
    private let devices: DeviceWatch
    private let memoryMiB: Int
    private let allowances = Allowances()

    public init(_ environment: DaemonEnvironment<ExecSection>) async throws {
        let (config, log) = (environment.config, environment.log)
        let metrics = ExecMetrics(registry: environment.metrics)
        let client = UnixHTTP.makeClient(on: environment.group)
        let store = RunStore(path: environment.stateDirectory + "/runs.sqlite")
        let content = environment.link(to: .content)
        let ledger = environment.link(to: .ledger)
        self.store = store
        docker = DockerClient(client: client, socketPath: config.dockerSocket)
        image = config.image
        memoryMiB = config.memoryMiB
        devices = DeviceWatch()
        house = Self.house(environment, docker, client, metrics, devices)
        runner = house.map { [allowances] house in
            JobRunner(
                house: house, store: store, limits: RequestLimits(config),
                watch: AnswerWatch.Limits(
                    firstToken: .milliseconds(config.firstTokenMs),
                    nextToken: .milliseconds(config.nextTokenMs)),
                image: config.image, metrics: metrics, allowances: allowances,
                loop: environment.group.next(),
                resolve: { try await content.call(ContentInterface.Resolve(reference: $0), trace: $1) },
                unwrap: { try await ledger.call($0, trace: $0.job.text) })
        }
        scorer = house.map { house in
            AnswerScorer(house: house, limits: RequestLimits(config), image: config.image) {
                try await content.call(ContentInterface.Resolve(reference: $0), trace: $1)
            }
        }
        upkeep = Upkeep(house: house, store: store, warm: config.warm, metrics: metrics, log: log) {
            try await content.call(ContentInterface.Resolve(reference: $0))
        }
        checker = ExecChecks(
            docker: docker, image: config.image, stateDirectory: environment.stateDirectory, upkeep: upkeep,
            desk: house?.launcher.desk)
    }

    /// - Returns: nil when no image is configured: the node then runs nothing itself, and says so.
    private static func house(
        _ environment: DaemonEnvironment<ExecSection>, _ docker: DockerClient, _ client: HTTPClient,
        _ metrics: ExecMetrics, _ devices: DeviceWatch
    ) -> EngineHouse? {
        let config = environment.config
        let root = geteuid() == 0
        let template: ContainerTemplate
        do {
            template = try ContainerTemplate(
                image: config.image,
                node: String(Digest(hashing: environment.stateDirectory).hex.prefix(16)),
                user: root ? "65534:65534" : "\(geteuid()):\(getegid())",
                limits: ContainerTemplate.Limits(config))
        } catch {
            environment.log.warning("no engines", metadata: ["reason": "\(error)"])
            return nil
        }
        let folder = EngineFolder(runDirectory: environment.runtimeDirectory, foreignUser: root)
        folder.removeAll()
        let life = String(UInt32.random(in: 0...UInt32.max), radix: 36)
        let desk = DeviceDesk(
            DeviceSetting(config.devices), docker: docker, template: template,
            container: "infernet-\(life)-devices", log: environment.log
        ) {
            await devices.hardware().nvidiaCards + RenderNodes().list()
        }
        let launcher = EngineLauncher(
            docker: docker, client: client, kept: UnixHTTP.makeClient(on: environment.group),
            template: template, folder: folder,
            loadLimit: .milliseconds(config.loadMs), log: environment.log, desk: desk)
        let machine = DeviceReports.cpu(cpuinfo: "", meminfo: SmallFile.read("/proc/meminfo") ?? "").memoryMiB
        let settings = EnginePool.Settings(
            slots: config.slots,
            engines: EnginePool.Settings.fitting(
                configured: config.maxEngines, engineMiB: config.memoryMiB, machineMiB: machine),
            queue: config.queueLimit, queueMs: Int64(config.queueMs), idleStopMs: Int64(config.idleStopMs))
        return EngineHouse(
            settings, launcher: launcher, life: life, metrics: metrics, log: environment.log)
    }

    public func routes(_ router: inout Router) {
        router.stream(ExecInterface.Run.self) { [self] job, context, sink in
            guard let runner else { throw await refusal() }
            return try await runner.run(job, log: context.log) { try await sink.send($0) }
        }
        router.on(ExecInterface.Inventory.self) { [self] _, _ in await inventory() }
        router.on(ExecInterface.Score.self) { [self] request, _ in
            guard let scorer else { throw await refusal() }
            return try await scorer.score(request)
        }
        router.on(ExecInterface.Allow.self) { [allowances] request, _ in
            try allowances.raise(request.job, to: request.tokens)
            return Done()
        }
        router.on(ExecInterface.StopEngine.self) { [self] request, _ in
            try await stop(request.model)
            return Done()
        }
    }

    public func checks() async -> [ControlInterface.Check] { await checker.all() }

    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [upkeep] in try await upkeep.run() }
            group.addTask { [devices] in try await devices.run() }
            group.addTask { [house] in
                // A GPU that came or went is seen before the next engine starts, and told.
                while true {
                    await house?.launcher.desk?.look()
                    try await Task.sleep(for: .seconds(30))
                }
            }
            // Whichever ends first ends the daemon, as before.
            try await group.next()
            group.cancelAll()
        }
    }

    public func rest() async { await store.rest() }

    public func drain() async {
        await house?.drain(.seconds(1))
        await store.settle()
    }

    // MARK: Methods

    private func inventory() async -> ExecInterface.Inventory.Reply {
        async let checks = checker.remembered()
        let hardware = await devices.hardware()
        let pool = await house?.snapshot
        let problems = await house?.loadProblems ?? []
        let computing = await house?.launcher.desk?.latest ?? EngineDevices()
        // What a GPU cannot hold goes to the CPU.
        let largest = max(computing.memoryMiB ?? 0, memoryMiB)
        return ExecInterface.Inventory.Reply(
            devices: hardware.devices, gpuReason: hardware.gpuReason, checks: await checks,
            image: image.isEmpty ? nil : image, engines: pool?.engines ?? [], slots: pool?.slots ?? 0,
            busy: pool?.busy ?? 0, queued: pool?.queued ?? 0,
            engineDevices: house == nil ? [] : computing.told(hardware, limitMiB: memoryMiB),
            engineMemoryMiB: house == nil ? nil : largest,
            problems: problems.isEmpty ? nil : problems)
    }

    private func stop(_ model: String?) async throws {
        guard let house else { return }
        guard let model else { return await house.stop(nil) }
        let engines = await house.snapshot.engines
        guard let engine = engines.first(where: { $0.model == model || $0.modelRoot.hex == model }) else {
            throw WireError(
                .notFound, "No engine runs '\(model)'.",
                fix: engines.isEmpty ? nil : "Engines run: \(engines.map(\.model).joined(separator: ", ")).")
        }
        await house.stop(engine.modelRoot)
    }

    /// Why this node runs no jobs at all: the first check that failed.
    private func refusal() async -> WireError {
        let failed = await checker.machine().first { $0.name == "image" && !$0.ok }
        return WireError(
            .engineUnavailable,
            "This node runs no models: \(failed?.reason ?? "no engine image is configured").",
            fix: failed?.fix)
    }
}
