// Decides which engines run and which job gets which slot: events in, actions out.
// It must never do anything itself, nor give an engine more jobs than it has slots.

import NodeModel
import Wire

/// The warm engines of a node and the jobs that wait for them. Times are milliseconds of one clock that never goes back.
struct EnginePool: Sendable {
    private struct Waiter: Sendable {
        enum Told { case nothing, queued, loading }
        let run: RunID
        let root: ContentRoot
        let since: Int64
        var told = Told.nothing

        /// What to tell the caller, if it is news.
        mutating func tell(loading: Bool) -> Action? {
            let word: Told = loading ? .loading : .queued
            guard told != word else { return nil }
            told = word
            return loading ? .tellLoading(run) : .tellQueued(run)
        }
    }

    let settings: Settings
    private(set) var engines: [EngineID: Engine] = [:]
    /// First come, first served.
    private var waiting: [Waiter] = []
    private var running: [RunID: (engine: EngineID, since: Int64)] = [:]
    private(set) var pinned: Set<ContentRoot> = []
    private(set) var draining = false
    private var nextEngine = 1
    /// How long jobs take, smoothed; what a refused caller is told to wait follows from it.
    private var typicalMs: Int64 = 5_000

    init(_ settings: Settings) {
        self.settings = settings
    }

    var queued: Int { waiting.count }
    var busy: Int { running.count }

    /// The next moment at which a `tick` changes something; nil when none does.
    var nextTick: Int64? {
        var moments = waiting.filter { $0.told == .queued }.map { $0.since + settings.queueMs }
        if settings.idleStopMs > 0 {
            moments += engines.values.filter(mayIdleOut).map { $0.lastUsed + settings.idleStopMs }
        }
        return moments.min()
    }

    mutating func on(_ event: Event, at now: Int64) -> [Action] {
        switch event {
        case .submit(let run, let root): submit(run, root, now)
        case .warm(let root): warm(root, now)
        case .ready(let id): ready(id, now)
        case .failed(let id, let error): failed(id, error, now)
        case .removed(let id): removed(id, now)
        case .finished(let run): finished(run, now)
        case .stop(let root): stop(root, now)
        case .drain: drain()
        case .tick: giveUp(now) + idleOut(now) + schedule(now)
        }
    }

    /// The engine that serves a model, or will when it has loaded.
    func serving(_ root: ContentRoot) -> Engine? {
        engines.values.first { $0.root == root && !$0.isStopping }
    }

    /// Whether a run with this model would have a slot without waiting for a job, and without another engine's going.
    func isIdle(for root: ContentRoot) -> Bool {
        guard !draining, waiting.isEmpty else { return false }
        guard let engine = serving(root) else { return engines.count < settings.engines }
        return engine.state == .ready && engine.busy < settings.slots
    }

    // MARK: Jobs

    private mutating func submit(_ run: RunID, _ root: ContentRoot, _ now: Int64) -> [Action] {
        if draining { return [.refuse(run, Self.drainingError)] }
        waiting.append(Waiter(run: run, root: root, since: now))
        let actions = schedule(now)
        guard waiting.last?.run == run, placesTaken > settings.queue else { return actions }
        waiting.removeLast()
        return actions.filter { $0 != .tellQueued(run) && $0 != .tellLoading(run) } + [.refuse(run, tooMany)]
    }

    /// Places of the queue that are taken. Those who only wait for their model to load take none: slots for them
    /// will be there.
    private var placesTaken: Int {
        var slotsToCome: [ContentRoot: Int] = [:]
        for engine in engines.values where engine.state == .loading {
            slotsToCome[engine.root] = settings.slots
        }
        var places = 0
        for waiter in waiting {
            if let left = slotsToCome[waiter.root], left > 0 {
                slotsToCome[waiter.root] = left - 1
            } else {
                places += 1
            }
        }
        return places
    }

    private mutating func finished(_ run: RunID, _ now: Int64) -> [Action] {
        waiting.removeAll { $0.run == run }
        if let (id, since) = running.removeValue(forKey: run) {
            typicalMs = (typicalMs * 7 + max(0, now - since)) / 8
            engines[id]?.busy -= 1
            engines[id]?.lastUsed = now
        }
        return schedule(now)
    }

    /// Gives slots to waiting jobs, and starts or makes room for the engines they need.
    private mutating func schedule(_ now: Int64) -> [Action] {
        var actions: [Action] = []
        var kept: [Waiter] = []
        var yielding: Set<EngineID> = []
        var provided: Set<ContentRoot> = []
        // Places that are free, or become so when engines that are on their way out are gone.
        var free = settings.engines - engines.count
        var coming = engines.values.count(where: \.isStopping)
        for var waiter in waiting {
            let engine = serving(waiter.root)
            if let engine, engine.state == .ready, engine.busy < settings.slots, !yielding.contains(engine.id)
            {
                actions.append(grant(waiter, engine, now))
                continue
            }
            if engine == nil, provided.insert(waiter.root).inserted {
                if free > 0 {
                    free -= 1
                    actions.append(start(waiter.root, now))
                } else if coming > 0 {
                    coming -= 1
                } else if let idle = leastRecent(where: { $0.state == .ready && $0.busy == 0 }) {
                    actions.append(remove(idle.id, "made room for another model"))
                } else if let busy = leastRecent(where: { $0.state == .ready && !yielding.contains($0.id) }) {
                    // It gets no more jobs that came later, so that it becomes idle and can go.
                    yielding.insert(busy.id)
                }
            }
            if let word = waiter.tell(loading: serving(waiter.root)?.state == .loading) {
                actions.append(word)
            }
            kept.append(waiter)
        }
        waiting = kept
        return actions
    }

    private mutating func grant(_ waiter: Waiter, _ engine: Engine, _ now: Int64) -> Action {
        engines[engine.id]?.busy += 1
        engines[engine.id]?.lastUsed = now
        running[waiter.run] = (engine.id, now)
        let loadMs = max(0, min(engine.readyAt ?? 0, now) - waiter.since)
        return .grant(waiter.run, engine.id, queueMs: now - waiter.since - loadMs, loadMs: loadMs)
    }

    // MARK: Engines

    private mutating func warm(_ root: ContentRoot, _ now: Int64) -> [Action] {
        guard !draining else { return [] }
        pinned.insert(root)
        guard serving(root) == nil, engines.count < settings.engines else { return [] }
        return [start(root, now)]
    }

    private mutating func start(_ root: ContentRoot, _ now: Int64) -> Action {
        let id = EngineID(number: nextEngine)
        nextEngine += 1
        engines[id] = Engine(id: id, root: root, state: .loading, since: now, lastUsed: now)
        return .start(id, root)
    }

    private mutating func ready(_ id: EngineID, _ now: Int64) -> [Action] {
        guard engines[id]?.state == .loading else { return [] }
        engines[id]?.state = .ready
        engines[id]?.since = now
        engines[id]?.readyAt = now
        engines[id]?.lastUsed = now
        return schedule(now)
    }

    private mutating func failed(_ id: EngineID, _ error: WireError, _ now: Int64) -> [Action] {
        guard let engine = engines[id], !engine.isStopping else { return [] }
        var actions = [remove(id, error.message)]
        if engine.state == .loading {
            // A second try would meet the same end; who waits is told why.
            actions += refuseWaiting(error) { $0.root == engine.root }
        } else {
            engines[id]?.replaced = pinned.contains(engine.root)
        }
        return actions + schedule(now)
    }

    private mutating func removed(_ id: EngineID, _ now: Int64) -> [Action] {
        guard let engine = engines.removeValue(forKey: id) else { return [] }
        running = running.filter { $0.value.engine != id }
        var actions = schedule(now)
        if engine.replaced, !draining, serving(engine.root) == nil, engines.count < settings.engines {
            actions.append(start(engine.root, now))
        }
        return actions
    }

    private mutating func stop(_ root: ContentRoot?, _ now: Int64) -> [Action] {
        var actions: [Action] = []
        for engine in engines.values.sorted(by: { $0.id < $1.id }) where !engine.isStopping {
            if let root, engine.root != root { continue }
            actions.append(remove(engine.id, Self.stoppedError.message))
            actions += refuseWaiting(Self.stoppedError) { $0.root == engine.root }
        }
        if let root { pinned.remove(root) } else { pinned = [] }
        return actions + schedule(now)
    }

    private mutating func drain() -> [Action] {
        draining = true
        return refuseWaiting(Self.drainingError) { _ in true }
    }

    private mutating func giveUp(_ now: Int64) -> [Action] {
        let error = WireError(
            .tooManyRequests, "No slot became free within \(settings.queueMs / 1000) s.",
            fix: "Try again later, or use a node with more slots.", retryAfterMs: tooMany.retryAfterMs)
        let limit = settings.queueMs
        return refuseWaiting(error) { $0.told == .queued && $0.since + limit <= now }
    }

    private mutating func idleOut(_ now: Int64) -> [Action] {
        guard settings.idleStopMs > 0 else { return [] }
        let old = engines.values.filter { mayIdleOut($0) && $0.lastUsed + settings.idleStopMs <= now }
        return old.map(\.id).sorted().map { remove($0, "idle for \(settings.idleStopMs / 1000) s") }
    }

    private func mayIdleOut(_ engine: Engine) -> Bool {
        engine.state == .ready && engine.busy == 0 && !pinned.contains(engine.root)
    }

    private mutating func remove(_ id: EngineID, _ reason: String) -> Action {
        engines[id]?.state = .stopping(reason)
        return .remove(id, reason: reason)
    }

    private func leastRecent(where fits: (Engine) -> Bool) -> Engine? {
        engines.values.filter(fits).min { ($0.lastUsed, $0.id) < ($1.lastUsed, $1.id) }
    }

    private mutating func refuseWaiting(_ error: WireError, where affected: (Waiter) -> Bool) -> [Action] {
        let gone = waiting.filter(affected)
        waiting.removeAll(where: affected)
        return gone.map { .refuse($0.run, error) }
    }

    // MARK: Words

    private var tooMany: WireError {
        let slots = Int64(max(1, settings.slots * settings.engines))
        let wait = min(60_000, max(1_000, typicalMs * Int64(waiting.count + 1) / slots))
        return WireError(
            .tooManyRequests, "All slots are busy and \(waiting.count) jobs wait already.",
            fix: "Try again in \((wait + 999) / 1000) s.", retryAfterMs: Int(wait))
    }

    static let drainingError = WireError(
        .draining, "The node is stopping and takes no new jobs.", fix: "Try again when it is back.",
        retryAfterMs: 2_000)
    static let stoppedError = WireError(
        .engineUnavailable, "The engine was stopped by a person.",
        fix: "Ask again: it starts with the next job.",
        retryAfterMs: 1_000)
}

extension EnginePool.Engine {
    var isStopping: Bool { if case .stopping = state { true } else { false } }
}
