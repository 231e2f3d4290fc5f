// Carries out what the engine pool decides: starts and removes engines, tells jobs where they stand.
// It must never decide anything itself: every change goes through the pool.

import Interfaces
import Logging
import NodeModel
import Wire

/// The engines of this node. All its state is the pool's, and what is needed to act on it.
actor EngineHouse {
    /// A slot of an engine.
    struct Lease: Sendable {
        let engine: EngineID
        let client: EngineClient
        /// Touched by every job of the engine, so that one can see whether another still gets tokens.
        let progress: ProgressMark
        let queueMs: Int64
        let loadMs: Int64
    }

    /// Where a job stands on its way to a slot.
    enum Step: Sendable { case queued, loading, granted(Lease) }

    /// A job's place. Whoever holds it calls ``finish(_:)`` when the job is over, however it ended.
    struct Ticket: Sendable {
        let run: RunID
        let steps: AsyncThrowingStream<Step, any Error>
    }

    private struct Life {
        let name: String
        let progress = ProgressMark()
        var task: Task<Void, Never>?
    }

    nonisolated let launcher: EngineLauncher
    private let log: Logger
    private let metrics: ExecMetrics
    private let node: String
    private var pool: EnginePool
    private var nextRun = 1
    private var callers: [RunID: AsyncThrowingStream<Step, any Error>.Continuation] = [:]
    private var models: [ContentRoot: EngineModel] = [:]
    private var lives: [EngineID: Life] = [:]
    private var deaths: [EngineID: WireError] = [:]
    private var problems: [ContentRoot: WireError] = [:]
    private var loads = LoadFailures()
    private var mourners: [EngineID: [UInt64: CheckedContinuation<WireError?, Never>]] = [:]
    private var nextMourner: UInt64 = 0
    private var ticker: (at: Int64, task: Task<Void, Never>)?
    private let began = ContinuousClock.now

    /// - Parameter life: tells this life of exec-d from earlier ones, in container names.
    init(
        _ settings: EnginePool.Settings, launcher: EngineLauncher, life: String, metrics: ExecMetrics,
        log: Logger
    ) {
        self.launcher = launcher
        self.metrics = metrics
        self.log = log
        node = life
        pool = EnginePool(settings)
    }

    // MARK: What jobs ask

    func submit(_ model: EngineModel) -> Ticket {
        let run = RunID(number: nextRun)
        nextRun += 1
        models[model.root] = model
        let (steps, continuation) = AsyncThrowingStream.makeStream(of: Step.self, throwing: (any Error).self)
        callers[run] = continuation
        apply(.submit(run, model.root))
        return Ticket(run: run, steps: steps)
    }

    func finish(_ run: RunID) {
        callers.removeValue(forKey: run)?.finish()
        apply(.finished(run))
    }

    /// An engine gave no sign of life to any of its jobs: it is killed, and replaced when somebody needs it.
    func report(frozen engine: EngineID, _ error: WireError) {
        guard lives[engine] != nil else { return }
        log.error("engine frozen", metadata: ["engine": "\(engine)", "reason": "\(error.message)"])
        apply(.failed(engine, error))
    }

    /// Why an engine is gone; nil when it is still there after `limit`.
    func reasonOfDeath(_ engine: EngineID, within limit: Duration = .seconds(2)) async -> WireError? {
        if let known = deaths[engine] { return known }
        guard lives[engine] != nil else { return nil }
        let mourner = nextMourner
        nextMourner += 1
        let timer = Task {
            try? await Task.sleep(for: limit)
            self.comfort(engine, mourner, nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { mourners[engine, default: [:]][mourner] = $0 }
    }

    private func comfort(_ engine: EngineID, _ mourner: UInt64, _ reason: WireError?) {
        mourners[engine]?.removeValue(forKey: mourner)?.resume(returning: reason)
    }

    // MARK: What the daemon asks

    /// Has an engine with this model ready before anybody asks.
    func warm(_ model: EngineModel) {
        models[model.root] = model
        apply(.warm(model.root))
    }

    /// The model of a ready engine, by its content root in hexadecimal.
    func standing(_ reference: String) -> EngineModel? {
        guard let root = ContentRoot(hex: reference), isReady(root) else { return nil }
        return models[root]
    }

    /// Whether an engine stands ready for a model of this name or root, whoever asked for it.
    func isReady(for reference: String) -> Bool {
        models.values.contains { ($0.name == reference || $0.root.hex == reference) && isReady($0.root) }
    }

    func isServing(_ root: ContentRoot) -> Bool { pool.serving(root) != nil }
    func isReady(_ root: ContentRoot) -> Bool { pool.serving(root)?.state == .ready }
    /// Why the last engine with this model did not come up; nil once one did.
    func lastProblem(_ root: ContentRoot) -> WireError? { problems[root] }

    /// Models whose engines did not come up lately.
    var loadProblems: [ExecInterface.ModelProblem] {
        loads.standing(at: now).map { root, error in
            ExecInterface.ModelProblem(
                root: root, model: models[root]?.name ?? "", reason: error.message, fix: error.fix)
        }
    }

    /// Whether work for this model that is nobody's job would take nothing from anybody: a slot is free, or an engine's place.
    func isIdle(for root: ContentRoot) -> Bool { pool.isIdle(for: root) }
    /// Jobs that wait.
    var waiting: Int { pool.queued }

    func stop(_ root: ContentRoot?) async {
        let affected = pool.engines.values.filter { root == nil || $0.root == root }.map(\.id)
        apply(.stop(root))
        for id in affected { await lives[id]?.task?.value }
    }

    /// Refuses new work, waits for what is under way, then removes every engine.
    func drain(_ limit: Duration) async {
        apply(.drain)
        let end = ContinuousClock.now + limit
        while pool.busy > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
        ticker?.task.cancel()
        ticker = nil
        await stop(nil)
    }

    /// Removes containers of this node that no engine of ours stands behind.
    /// - Returns: how many were found.
    /// - Throws: what Docker fails with.
    func reconcile() async throws(DockerError) -> Int {
        let listed = try await launcher.docker.list(
            label: ContainerTemplate.nodeLabel, value: launcher.template.node)
        // Names are known before Docker is asked to create, so none of ours is missing here.
        let orphans = listed.filter { container in
            !lives.values.contains { container.isNamed($0.name) }
                && launcher.desk.map { container.isNamed($0.container) } != true
        }
        for orphan in orphans {
            log.notice(
                "removing a container without an engine", metadata: ["container": "\(orphan.id.prefix(12))"])
            try await launcher.docker.remove(orphan.id)
        }
        return orphans.count
    }

    var snapshot: PoolSnapshot { PoolSnapshot(pool, models: models) { lives[$0]?.name ?? "" } }

    // MARK: Carrying out

    private var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - began).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    private func apply(_ event: EnginePool.Event) {
        if case .failed(let id, let error) = event { note(id, error) }
        for action in pool.on(event, at: now) { perform(action) }
        metrics.pool(busy: pool.busy, queued: pool.queued, engines: pool.engines.count)
        setTicker()
    }

    private func perform(_ action: EnginePool.Action) {
        switch action {
        case .start(let id, let root): start(id, root)
        case .remove(let id, let reason):
            log.info("removing engine", metadata: ["engine": "\(id)", "reason": "\(reason)"])
            note(id, WireError(.engineUnavailable, reason, fix: "Ask again.", retryAfterMs: 1_000))
            lives[id]?.task?.cancel()
        case .tellQueued(let run): callers[run]?.yield(.queued)
        case .tellLoading(let run): callers[run]?.yield(.loading)
        case .grant(let run, let id, let queueMs, let loadMs):
            guard let life = lives[id] else { return }
            callers[run]?.yield(
                .granted(
                    Lease(
                        engine: id, client: launcher.engine(life.name), progress: life.progress,
                        queueMs: queueMs,
                        loadMs: loadMs)))
        case .refuse(let run, let error): callers.removeValue(forKey: run)?.finish(throwing: error)
        }
    }

    private func start(_ id: EngineID, _ root: ContentRoot) {
        guard let model = models[root] else { return }
        let name = "infernet-\(node)-\(id)"
        lives[id] = Life(name: name)
        lives[id]?.task = Task { await self.live(id, name, model) }
    }

    private func live(_ id: EngineID, _ name: String, _ model: EngineModel) async {
        let began = ContinuousClock.now
        metrics.started()
        log.info(
            "starting engine",
            metadata: ["engine": "\(id)", "model": "\(model.name)", "container": "\(name)"])
        let (reason, isModels) = await launcher.run(name, model) {
            await self.becameReady(id, model, began)
        }
        if deaths[id] == nil {
            problems[model.root] = reason
            // One that had come up has shown that it can.
            if isModels, pool.engines[id]?.state == .loading { loads.failed(model.root, reason, at: now) }
            log.warning("engine ended", metadata: ["engine": "\(id)", "reason": "\(reason)"])
        }
        apply(.failed(id, reason))
        // One that Docker does not remove now is found by the next reconciliation.
        _ = await launcher.cleanUp(name)
        lives[id] = nil
        apply(.removed(id))
        if deaths.count > 64, let oldest = deaths.keys.min() { deaths[oldest] = nil }
    }

    private func becameReady(_ id: EngineID, _ model: EngineModel, _ began: ContinuousClock.Instant) {
        let took = ContinuousClock.now - began
        metrics.loaded(took)
        problems[model.root] = nil
        loads.worked(model.root)
        log.info("engine ready", metadata: ["engine": "\(id)", "model": "\(model.name)", "load": "\(took)"])
        apply(.ready(id))
    }

    /// Remembers the first reason that is given for an engine's end, and tells those who wait for it.
    private func note(_ id: EngineID, _ reason: WireError) {
        guard lives[id] != nil else { return }
        let first = deaths[id] ?? reason
        deaths[id] = first
        for (_, mourner) in mourners.removeValue(forKey: id) ?? [:] { mourner.resume(returning: first) }
    }

    private func setTicker() {
        // One that comes too early changes nothing, and is set again: jobs that come and go need none each.
        guard let next = pool.nextTick, next < ticker?.at ?? .max else { return }
        ticker?.task.cancel()
        let wait = Duration.milliseconds(max(1, next - now))
        let task = Task {
            guard (try? await Task.sleep(for: wait)) != nil else { return }
            self.ticker = nil
            self.apply(.tick)
        }
        ticker = (next, task)
    }
}
