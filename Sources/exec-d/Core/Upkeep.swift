// Keeps the world as it should be: no container without an engine, configured models warm, restarts recorded.
// It must never hammer what fails: each thing that went wrong is tried again later and later.

import Interfaces
import Logging
import NodeModel
import Wire

/// The rounds that exec-d makes, and what the last one found.
actor Upkeep {
    private struct Wanted {
        var wait: Duration = .seconds(2)
        var next = ContinuousClock.now
        var root: ContentRoot?
        var problem: WireError?
    }

    private let house: EngineHouse?
    private let store: RunStore
    private let resolve: @Sendable (String) async throws -> ContentInterface.Resolve.Reply
    private let metrics: ExecMetrics
    private let log: Logger
    private let names: [String]
    private var wanted: [String: Wanted]
    private var recovered = false
    private(set) var storeProblem: WireError?
    private var dockerProblem: DockerError?

    init(
        house: EngineHouse?, store: RunStore, warm: [String], metrics: ExecMetrics, log: Logger,
        resolve: @escaping @Sendable (String) async throws -> ContentInterface.Resolve.Reply
    ) {
        self.house = house
        self.store = store
        self.resolve = resolve
        self.metrics = metrics
        self.log = log
        names = warm
        wanted = Dictionary(warm.map { ($0, Wanted()) }) { first, _ in first }
    }

    /// Makes rounds until cancelled: often while something is wrong, seldom otherwise.
    func run() async throws {
        while true {
            let fine = await round()
            try await Task.sleep(for: fine ? .seconds(10) : .seconds(2))
        }
    }

    /// One round.
    /// - Returns: whether all is as it should be.
    func round() async -> Bool {
        await recover()
        guard let house else { return recovered }
        do throws(DockerError) {
            let orphans = try await house.reconcile()
            if orphans > 0 { metrics.orphans(orphans) }
            if dockerProblem != nil { log.notice("Docker answers again") }
            dockerProblem = nil
        } catch {
            if dockerProblem != error { log.error("Docker cannot be used", metadata: ["reason": "\(error)"]) }
            dockerProblem = error
            return false
        }
        var fine = true
        for name in names { fine = await keepWarm(name, house) && fine }
        return fine && recovered
    }

    /// What is known of the configured models.
    func modelChecks() async -> [ControlInterface.Check] {
        var checks: [ControlInterface.Check] = []
        for name in names {
            let label = "model \(name)"
            if await house?.isReady(for: name) == true {
                // A job may have had it loaded since the last round.
                checks.append(.init(name: label, ok: true, reason: "verified, its engine is warm"))
            } else if let problem = wanted[name]?.problem {
                checks.append(.init(name: label, ok: false, reason: problem.message, fix: problem.fix))
            } else if wanted[name]?.root != nil {
                checks.append(.init(name: label, ok: true, reason: "verified"))
            } else {
                checks.append(.init(name: label, ok: true, reason: "not looked at yet"))
            }
        }
        return checks
    }

    private func recover() async {
        guard !recovered else { return await look() }
        do {
            let interrupted = try await store.recover()
            if interrupted > 0 { log.notice("runs were interrupted", metadata: ["count": "\(interrupted)"]) }
            recovered = true
            storeProblem = nil
        } catch {
            storeProblem = WireError.wrapping(error)
            log.error("record of runs not usable", metadata: ["reason": "\(error)"])
        }
    }

    /// Whether an end that could not be written could be by now.
    private func look() async {
        let failure = store.failure
        if failure != storeProblem, let failure {
            log.error("the end of a run was not recorded", metadata: ["reason": "\(failure)"])
        }
        if failure != nil { try? await store.probe() }
        storeProblem = store.failure
    }

    private func keepWarm(_ name: String, _ house: EngineHouse) async -> Bool {
        if let root = wanted[name]?.root, await house.isReady(root) {
            wanted[name]?.wait = .seconds(2)
            wanted[name]?.problem = nil
            return true
        }
        if let root = wanted[name]?.root, await house.isServing(root) { return false }
        if let root = wanted[name]?.root, let problem = await house.lastProblem(root) {
            wanted[name]?.problem = problem
        }
        guard let next = wanted[name]?.next, next <= ContinuousClock.now else { return false }
        let wait = wanted[name]?.wait ?? .seconds(2)
        wanted[name]?.next = .now + wait
        wanted[name]?.wait = min(wait * 2, .seconds(8))
        do {
            let model = try EngineModel(try await resolve(name))
            wanted[name]?.root = model.root
            wanted[name]?.problem = nil
            await house.warm(model)
        } catch {
            let problem = WireError.wrapping(error)
            log.warning("model not warmed", metadata: ["model": "\(name)", "reason": "\(problem)"])
            wanted[name]?.problem = problem
        }
        return false
    }
}
