// One run's place in exec-d's record, written while the engine thinks so that nobody waits for the disk.
// It must never let a piece of a sealed job out before its seal is known to be on disk.

import FoundationEssentials
import NodeModel

/// What the record is told of one run.
final class RunRecord: Sendable {
    private let store: RunStore
    private let job: JobID
    private let model: ContentRoot
    private let began = Int64(Date().timeIntervalSince1970 * 1_000)
    /// The run's place, once its seal is on disk. Nil for a job in the clear, which can be run again without harm: it is
    /// written down when it is over, and nobody waits for that.
    private let sealed: Task<Int64, any Error>?

    /// - Parameter seal: names a sealed payload; nil for one in the clear.
    init(_ store: RunStore, job: JobID, model: ContentRoot, seal: Digest?) {
        self.store = store
        self.job = job
        self.model = model
        // A task of its own: a cancelled database access does nothing, and what was begun is to be recorded.
        sealed = seal.map { seal in Task { try await store.begin(job, model: model, seal: seal) } }
    }

    /// Called before each piece leaves.
    /// - Throws: why a sealed job must not be answered; see ``RunStore/begin(_:model:seal:)``.
    func piece() async throws { _ = try await sealed?.value }

    /// Notes that the run gave its answer.
    /// - Throws: why a sealed run could not be begun.
    func done(_ usage: Usage) async throws {
        store.note(RunEnd(run: try await place(), state: .done, reason: "", usage: usage))
    }

    /// Notes that the run ended without an answer.
    func failed(_ state: RunEnd.State, _ reason: String) async {
        guard let run = try? await place() else { return }
        store.note(RunEnd(run: run, state: state, reason: reason, usage: nil))
    }

    private func place() async throws -> RunEnd.Run {
        if let sealed { return .begun(try await sealed.value) }
        return .unwritten(job, model, at: began)
    }
}
