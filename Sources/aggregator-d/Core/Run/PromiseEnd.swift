// How a promise ends for which no receipt came: ledger-d is told until it has heard it, also when it is being restarted just then.
// It must never be what keeps a job's caller waiting, nor outlive the process: the next one tells it all at once.

import IPC
import Interfaces
import Logging
import NodeModel
import Wire

extension Workplace {
    /// How long ledger-d is told. What it has not heard by then ends by age, which is hours.
    private static let longestTelling = Duration.seconds(600)

    /// Ends what was promised for a job, in a task of its own, since the job's may be cancelled already.
    ///
    /// - Parameter served: whether a client promised it to this node.
    @discardableResult
    func endPromise(_ job: JobID, with peer: PublicKey, served: Bool) -> Task<Void, Never> {
        let (ledger, log) = (links.ledger, log)
        return Task {
            do {
                _ = try await Patience.call(until: .now + Self.longestTelling) {
                    try await ledger.call(
                        LedgerInterface.ReleasePrice(job: job, peer: peer, served: served), trace: job.text)
                }
            } catch  where !Task.isCancelled {
                log.warning(
                    "a promise ends by age alone",
                    metadata: ["job": "\(job)", "error": "\(WireError.wrapping(error).message)"])
            } catch { return }
        }
    }
}
