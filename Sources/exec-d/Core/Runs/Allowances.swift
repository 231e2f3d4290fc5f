// The allowances of the answers under way, by job: where `exec.allow` finds them.
// It must never keep one longer than its run.

import NodeModel
import Synchronization
import Wire

/// All allowances.
final class Allowances: Sendable {
    private let known = Mutex<[JobID: AnswerAllowance]>([:])

    /// - Throws: `invalid_params`; `conflict` when a run of the same job has one.
    func begin(_ job: JobID, _ tokens: Int) throws(WireError) -> AnswerAllowance {
        guard tokens > 0 else { throw WireError(.invalidParams, "'allowance' is at least 1, not \(tokens).") }
        let allowance = AnswerAllowance(tokens)
        let isNew = known.withLock { known in
            guard known[job] == nil else { return false }
            known[job] = allowance
            return true
        }
        guard isNew else { throw WireError(.conflict, "\(job) is under way already.") }
        return allowance
    }

    func end(_ job: JobID) { known.withLock { _ = $0.removeValue(forKey: job) } }

    /// - Throws: `not_found` when no run of the job has an allowance.
    func raise(_ job: JobID, to tokens: Int) throws(WireError) {
        guard let allowance = known.withLock({ $0[job] }) else {
            throw WireError(.notFound, "No answer of \(job) waits for an allowance.")
        }
        allowance.raise(to: tokens)
    }
}
