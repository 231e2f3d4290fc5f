// Proves the engine pool: who gets a slot, who waits, who goes, told by its actions alone.
// It must never need a container to be believed.

import NodeModel
import Testing
import Wire

@testable import ExecCore

private let modelA = Digest(hashing: "a")
private let modelB = Digest(hashing: "b")
private let modelC = Digest(hashing: "c")
private func engine(_ n: Int) -> EngineID { EngineID(number: n) }
private func run(_ n: Int) -> RunID { RunID(number: n) }
private func pool(
    slots: Int = 2, engines: Int = 1, queue: Int = 4, queueMs: Int64 = 1_000, idle: Int64 = 0
) -> EnginePool {
    EnginePool(.init(slots: slots, engines: engines, queue: queue, queueMs: queueMs, idleStopMs: idle))
}

@Suite struct EnginePoolTests {
    @Test func theFirstJobStartsAnEngineAndRunsWhenItIsReady() {
        var pool = pool()
        #expect(
            pool.on(.submit(run(1), modelA), at: 10) == [.start(engine(1), modelA), .tellLoading(run(1))])
        #expect(pool.on(.ready(engine(1)), at: 510) == [.grant(run(1), engine(1), queueMs: 0, loadMs: 500)])
        #expect(
            pool.on(.submit(run(2), modelA), at: 600) == [.grant(run(2), engine(1), queueMs: 0, loadMs: 0)])
        #expect(pool.busy == 2)
    }

    @Test func moreJobsThanSlotsWaitInOrder() {
        var pool = pool(slots: 1)
        _ = pool.on(.warm(modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 0)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        #expect(pool.on(.submit(run(2), modelA), at: 5) == [.tellQueued(run(2))])
        #expect(pool.on(.submit(run(3), modelA), at: 6) == [.tellQueued(run(3))])
        #expect(pool.on(.finished(run(1)), at: 105) == [.grant(run(2), engine(1), queueMs: 100, loadMs: 0)])
        #expect(pool.on(.finished(run(2)), at: 106) == [.grant(run(3), engine(1), queueMs: 100, loadMs: 0)])
    }

    @Test func aFullQueueRefusesWithATimeToComeBack() {
        var pool = pool(slots: 1, queue: 1)
        _ = pool.on(.warm(modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 0)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.submit(run(2), modelA), at: 0)
        let actions = pool.on(.submit(run(3), modelA), at: 0)
        guard case .refuse(run(3), let error) = actions.first, actions.count == 1 else {
            Issue.record("not refused: \(actions)")
            return
        }
        #expect(error.code == .tooManyRequests)
        #expect((error.retryAfterMs ?? 0) >= 1_000)
        #expect(pool.queued == 1)
    }

    @Test func waitingForALoadingModelTakesNoPlaceInTheQueue() {
        var pool = pool(slots: 2, queue: 0)
        #expect(pool.on(.submit(run(1), modelA), at: 0).contains(.start(engine(1), modelA)))
        #expect(pool.on(.submit(run(2), modelA), at: 0) == [.tellLoading(run(2))])
        guard case .refuse(run(3), _) = pool.on(.submit(run(3), modelA), at: 0).last else {
            Issue.record("a third job has no slot to come")
            return
        }
        #expect(pool.on(.ready(engine(1)), at: 1).count == 2)
    }

    @Test func whoWaitsTooLongIsRefused() {
        var pool = pool(slots: 1, queueMs: 1_000)
        _ = pool.on(.warm(modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 0)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.submit(run(2), modelA), at: 100)
        #expect(pool.nextTick == 1_100)
        #expect(pool.on(.tick, at: 1_099) == [])
        guard case .refuse(run(2), let error) = pool.on(.tick, at: 1_100).first else {
            Issue.record("still waiting")
            return
        }
        #expect(error.code == .tooManyRequests)
        #expect(pool.nextTick == nil)
    }

    @Test func anotherModelTakesThePlaceOfTheLeastRecentIdleOne() {
        var pool = pool(slots: 1, engines: 2)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 1)
        _ = pool.on(.submit(run(2), modelB), at: 2)
        _ = pool.on(.ready(engine(2)), at: 3)
        _ = pool.on(.finished(run(1)), at: 4)
        _ = pool.on(.finished(run(2)), at: 5)
        #expect(
            pool.on(.submit(run(3), modelC), at: 6) == [
                .remove(engine(1), reason: "made room for another model"), .tellQueued(run(3)),
            ])
        #expect(pool.on(.removed(engine(1)), at: 7) == [.start(engine(3), modelC), .tellLoading(run(3))])
    }

    @Test func aBusyModelYieldsToAnOlderWaiterOfAnother() {
        var pool = pool(slots: 1, engines: 1)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 1)
        _ = pool.on(.submit(run(2), modelB), at: 2)
        _ = pool.on(.submit(run(3), modelA), at: 3)
        // Job 3 would fit where job 1 was, but job 2 came first.
        #expect(
            pool.on(.finished(run(1)), at: 4) == [.remove(engine(1), reason: "made room for another model")])
        #expect(pool.on(.removed(engine(1)), at: 5).contains(.start(engine(2), modelB)))
    }

    @Test func aModelThatDoesNotLoadRefusesWhoWaitsAndIsNotRetriedByItself() {
        var pool = pool()
        _ = pool.on(.submit(run(1), modelA), at: 0)
        let error = WireError(.engineUnavailable, "exit code 1")
        #expect(
            pool.on(.failed(engine(1), error), at: 1) == [
                .remove(engine(1), reason: "exit code 1"), .refuse(run(1), error),
            ])
        #expect(pool.on(.removed(engine(1)), at: 2) == [])
        #expect(pool.engines.isEmpty)
    }

    @Test func whenAnEngineBreaksTheQueueGetsANewOne() {
        var pool = pool(slots: 1)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 1)
        _ = pool.on(.submit(run(2), modelA), at: 2)
        #expect(pool.on(.failed(engine(1), WireError(.engineUnavailable, "gone")), at: 3).count == 1)
        #expect(
            pool.on(.removed(engine(1)), at: 4) == [.start(engine(2), modelA), .tellLoading(run(2))])
        // The job that was running there ends later; it frees nothing twice.
        #expect(pool.on(.finished(run(1)), at: 5) == [])
        #expect(pool.on(.ready(engine(2)), at: 6).count == 1)
        #expect(pool.busy == 1)
    }

    @Test func aWarmModelIsReplacedWhenItBreaksAndNeverIdlesOut() {
        var pool = pool(idle: 100)
        #expect(pool.on(.warm(modelA), at: 0) == [.start(engine(1), modelA)])
        _ = pool.on(.ready(engine(1)), at: 1)
        #expect(pool.nextTick == nil)
        #expect(pool.on(.tick, at: 10_000) == [])
        _ = pool.on(.failed(engine(1), WireError(.engineUnavailable, "gone")), at: 10_001)
        #expect(pool.on(.removed(engine(1)), at: 10_002) == [.start(engine(2), modelA)])
    }

    @Test func anIdleEngineStopsAfterItsTime() {
        var pool = pool(idle: 1_000)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 1)
        #expect(pool.nextTick == nil, "busy engines do not idle out")
        _ = pool.on(.finished(run(1)), at: 50)
        #expect(pool.nextTick == 1_050)
        #expect(pool.on(.tick, at: 1_049) == [])
        #expect(pool.on(.tick, at: 1_050) == [.remove(engine(1), reason: "idle for 1 s")])
    }

    @Test func drainingRefusesAndStoppingRemoves() {
        var pool = pool(slots: 1)
        _ = pool.on(.submit(run(1), modelA), at: 0)
        _ = pool.on(.ready(engine(1)), at: 1)
        _ = pool.on(.submit(run(2), modelA), at: 2)
        #expect(pool.on(.drain, at: 3) == [.refuse(run(2), EnginePool.drainingError)])
        #expect(pool.on(.submit(run(3), modelA), at: 4) == [.refuse(run(3), EnginePool.drainingError)])
        #expect(
            pool.on(.stop(nil), at: 5) == [.remove(engine(1), reason: EnginePool.stoppedError.message)])
        #expect(pool.on(.removed(engine(1)), at: 6) == [])
    }

    @Test func memoryDecidesHowManyEngines() {
        typealias S = EnginePool.Settings
        #expect(S.fitting(configured: 4, engineMiB: 1_000, machineMiB: 2_600) == 2)
        #expect(S.fitting(configured: 2, engineMiB: 100, machineMiB: 24_000) == 2)
        #expect(S.fitting(configured: 2, engineMiB: 8_000, machineMiB: 4_000) == 1)
        #expect(S.fitting(configured: 2, engineMiB: 8_000, machineMiB: 0) == 2)
    }

    /// Any order of events keeps: never more jobs on an engine than slots, never more engines than allowed, each job
    /// is granted or refused at most once, and when all has ended nothing is left.
    @Test(arguments: 0..<40) func randomEvents(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        let settings = EnginePool.Settings(
            slots: Int.random(in: 1...3, using: &random), engines: Int.random(in: 1...3, using: &random),
            queue: Int.random(in: 0...5, using: &random), queueMs: 50,
            idleStopMs: [0, 30].randomElement(using: &random) ?? 0)
        var world = PoolWorld(settings)
        for _ in 0..<400 { world.step(&random) }
        world.finishAll()
        #expect(world.faults == [], "seed \(seed)")
    }
}

/// Plays engines, callers and time against a pool, and notes every broken promise.
private struct PoolWorld {
    var pool: EnginePool
    var now: Int64 = 0
    var nextRun = 1
    var loading: Set<EngineID> = []
    var ready: Set<EngineID> = []
    var leaving: Set<EngineID> = []
    var waiting: Set<RunID> = []
    var running: [RunID: EngineID] = [:]
    var faults: [String] = []

    init(_ settings: EnginePool.Settings) { pool = EnginePool(settings) }

    mutating func step(_ random: inout SplitMix) {
        now += Int64.random(in: 0...20, using: &random)
        let model = [modelA, modelB, modelC].randomElement(using: &random) ?? modelA
        switch Int.random(in: 0..<12, using: &random) {
        case 0...3:
            waiting.insert(run(nextRun))
            send(.submit(run(nextRun), model))
            nextRun += 1
        case 4, 5:
            if let id = loading.sorted().randomElement(using: &random) {
                loading.remove(id)
                ready.insert(id)
                send(.ready(id))
            }
        case 6, 7:
            if let job = running.keys.sorted().randomElement(using: &random) { end(job) }
        case 8:
            if let job = waiting.sorted().randomElement(using: &random) {
                waiting.remove(job)
                send(.finished(job))
            }
        case 9:
            if let id = leaving.sorted().randomElement(using: &random) { remove(id) }
        case 10:
            if let id = loading.union(ready).sorted().randomElement(using: &random) {
                send(.failed(id, WireError(.engineUnavailable, "broken")))
            }
        default:
            send([.tick, .warm(model), .stop(model)].randomElement(using: &random) ?? .tick)
        }
    }

    mutating func finishAll() {
        send(.drain)
        for job in running.keys.sorted() { end(job) }
        send(.stop(nil))
        for id in leaving.sorted() { remove(id) }
        if !pool.engines.isEmpty { faults.append("engines left: \(pool.engines.keys.sorted())") }
        if !loading.isEmpty || !ready.isEmpty || !leaving.isEmpty { faults.append("containers left") }
        if pool.busy != 0 || pool.queued != 0 {
            faults.append("ghosts: \(pool.busy) busy, \(pool.queued) queued")
        }
        if !waiting.isEmpty { faults.append("jobs without an answer: \(waiting.sorted())") }
    }

    mutating func end(_ job: RunID) {
        running[job] = nil
        send(.finished(job))
    }

    mutating func remove(_ id: EngineID) {
        leaving.remove(id)
        for (job, engine) in running where engine == id { running[job] = nil }
        send(.removed(id))
    }

    mutating func send(_ event: EnginePool.Event) {
        for action in pool.on(event, at: now) { carryOut(action) }
        for id in ready {
            let jobs = running.count { $0.value == id }
            if jobs > pool.settings.slots { faults.append("\(jobs) jobs on engine \(id)") }
        }
        let containers = loading.count + ready.count + leaving.count
        if containers > pool.settings.engines { faults.append("\(containers) containers") }
    }

    mutating func carryOut(_ action: EnginePool.Action) {
        switch action {
        case .start(let id, _):
            if !loading.insert(id).inserted { faults.append("engine \(id) started twice") }
        case .remove(let id, _):
            if loading.remove(id) == nil && ready.remove(id) == nil {
                faults.append("removed \(id), which is not there")
            }
            leaving.insert(id)
        case .tellQueued(let job), .tellLoading(let job):
            if !waiting.contains(job) { faults.append("told \(job.number), which does not wait") }
        case .grant(let job, let id, let queueMs, let loadMs):
            if waiting.remove(job) == nil { faults.append("granted \(job.number), which does not wait") }
            if !ready.contains(id) { faults.append("granted a slot of \(id), which is not ready") }
            if queueMs < 0 || loadMs < 0 { faults.append("waited \(queueMs) + \(loadMs) ms") }
            running[job] = id
        case .refuse(let job, _):
            if waiting.remove(job) == nil { faults.append("refused \(job.number), which does not wait") }
        }
    }
}

/// A small seeded generator: a failing seed fails again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
