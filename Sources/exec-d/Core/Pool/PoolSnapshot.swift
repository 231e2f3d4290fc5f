// The pool as others see it: engines, slots, queue.
// It must never be more than a copy.

import Interfaces
import NodeModel

/// What runs and who waits, at one moment.
struct PoolSnapshot: Sendable {
    let engines: [ExecInterface.Engine]
    let slots: Int
    let busy: Int
    let queued: Int

    init(_ pool: EnginePool, models: [ContentRoot: EngineModel], name: (EngineID) -> String) {
        engines = pool.engines.values.sorted { $0.id < $1.id }.map { engine in
            let (state, reason) =
                switch engine.state {
                case .loading: ("loading", "its container starts and loads the model")
                case .ready: ("ready", engine.busy == 0 ? "idle" : "answering")
                case .stopping(let why): ("stopping", why)
                }
            return ExecInterface.Engine(
                container: name(engine.id), modelRoot: engine.root, model: models[engine.root]?.name ?? "",
                state: state, reason: reason, slots: pool.settings.slots, busy: engine.busy)
        }
        slots = pool.settings.slots * pool.settings.engines
        busy = pool.busy
        queued = pool.queued
    }
}
