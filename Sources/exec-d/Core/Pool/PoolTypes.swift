// The vocabulary of the engine pool: what happens to it, and what it wants done.
// It must never hold a socket, a path or a clock.

import NodeModel
import Wire

/// One engine, from its start to its removal. Never used twice.
struct EngineID: Hashable, Comparable, Sendable, CustomStringConvertible {
    let number: Int
    var description: String { String(number) }
    static func < (a: EngineID, b: EngineID) -> Bool { a.number < b.number }
}

/// One run of a job through this pool. Never used twice.
struct RunID: Hashable, Comparable, Sendable {
    let number: Int
    static func < (a: RunID, b: RunID) -> Bool { a.number < b.number }
}

extension EnginePool {
    struct Settings: Hashable, Sendable {
        /// Jobs that one engine runs at the same time.
        var slots: Int
        /// Engines that may exist at once, those being removed included; memory decides it, see ``fitting``.
        var engines: Int
        /// Jobs that may wait for a slot.
        var queue: Int
        /// The longest wait for a slot, in milliseconds.
        var queueMs: Int64
        /// How long an idle engine stays warm, in milliseconds; 0 for ever.
        var idleStopMs: Int64

        /// How many engines memory allows, at least one and never more than `configured`.
        /// - Parameter reservedMiB: what the rest of the machine keeps.
        static func fitting(
            configured: Int, engineMiB: Int, machineMiB: Int, reservedMiB: Int = 512
        ) -> Int {
            guard machineMiB > 0, engineMiB > 0 else { return configured }
            return max(1, min(configured, (machineMiB - reservedMiB) / engineMiB))
        }
    }

    enum Event: Equatable, Sendable {
        /// A job wants a slot of an engine with this model.
        case submit(RunID, ContentRoot)
        /// An engine with this model is to be there before anybody asks, and stay.
        case warm(ContentRoot)
        /// The engine answers and has its model loaded.
        case ready(EngineID)
        /// The engine did not start, ended by itself, or was found frozen.
        case failed(EngineID, WireError)
        /// Nothing of the engine is left.
        case removed(EngineID)
        /// The job ended, or its caller left: its slot or its place in the queue is free.
        case finished(RunID)
        /// A person stops the engine with this model, or all of them.
        case stop(ContentRoot?)
        /// No new work from now on.
        case drain
        /// Time passed.
        case tick
    }

    enum Action: Equatable, Sendable {
        case start(EngineID, ContentRoot)
        case remove(EngineID, reason: String)
        /// The job waits: for a slot, or for an engine that is loading.
        case tellQueued(RunID)
        case tellLoading(RunID)
        /// The job has a slot, after waiting this long for a slot and for a model.
        case grant(RunID, EngineID, queueMs: Int64, loadMs: Int64)
        case refuse(RunID, WireError)
    }

    enum State: Hashable, Sendable {
        case loading
        case ready
        /// On its way out, with the reason.
        case stopping(String)
    }

    struct Engine: Hashable, Sendable {
        let id: EngineID
        let root: ContentRoot
        var state: State
        var busy = 0
        /// When it began to load, became ready, was last given a job or lost one.
        var since: Int64
        var readyAt: Int64?
        var lastUsed: Int64
        /// Replaced when gone although nobody waits: it was to stay warm and broke.
        var replaced = false
    }
}
