// One run's place in exec-d's record, written while the engine thinks so that nobody waits for the disk.
// It must never let a piece of a sealed job out before its seal is known to be on disk.

import Logging
import NodeModel
import Synchronization

/// What the record is told of one run.
final class RunRecord: Sendable {
    private let store: RunStore
    private let job: JobID
    private let model: ContentRoot
    private let seal: Digest?
    private let entry = Mutex<Task<Int64, any Error>?>(nil)
    private let pieces = Atomic<Int>(0)

    /// - Parameter seal: names a sealed payload; nil for one in the clear.
    init(_ store: RunStore, job: JobID, model: ContentRoot, seal: Digest?) {
        self.store = store
        self.job = job
        self.model = model
        self.seal = seal
        // A job in the clear can be run again without harm: its place is taken when its first piece has left, so that
        // writing takes no time from what somebody waits for.
        if seal != nil { begin() }
    }

    @discardableResult private func begin() -> Task<Int64, any Error> {
        entry.withLock { entry in
            if let entry { return entry }
            // A task of its own: a cancelled database access does nothing, and what was begun is to be recorded.
            let new = Task { [store, job, model, seal] in try await store.begin(job, model: model, seal: seal)
            }
            entry = new
            return new
        }
    }

    /// Called before each piece leaves.
    /// - Throws: why a sealed job must not be answered; see ``RunStore/begin(_:model:seal:)``.
    func piece() async throws {
        if seal != nil {
            _ = try await begin().value
        } else if pieces.add(1, ordering: .relaxed).oldValue == 1 {
            begin()
        }
    }

    /// Notes that the run gave its answer.
    /// - Throws: why it could not be begun. That it ended is only logged when it cannot be noted: the answer is given.
    func done(_ usage: Usage, _ log: Logger) async throws {
        let run = try await begin().value
        await end(run, .done, "", usage, log)
    }

    /// Notes that the run ended without an answer.
    func failed(_ end: RunStore.End, _ reason: String, _ log: Logger) async {
        guard let run = try? await begin().value else { return }
        await self.end(run, end, reason, nil, log)
    }

    private func end(
        _ run: Int64, _ end: RunStore.End, _ reason: String, _ usage: Usage?, _ log: Logger
    ) async {
        do {
            try await Task { [store] in try await store.end(run, end, reason: reason, usage: usage) }.value
        } catch { log.error("run not recorded", metadata: ["reason": "\(error)"]) }
    }
}
