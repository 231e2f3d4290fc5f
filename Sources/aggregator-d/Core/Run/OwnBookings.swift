// What a process that died had booked of this node's own jobs, and had not yet written down: asked of ledger-d at a start.
// It must never keep a start waiting for long, nor take a booking of a job that it did not ask for.

import IPC
import Interfaces
import Logging
import NodeModel
import Wire

/// Own jobs that a dead process left without an end.
struct OwnBookings: Sendable {
    /// What is booked of them.
    var bundles: [ReceiptBundle] = []
    /// Those of which nothing could be learned.
    var unknown: Set<JobID> = []

    /// How long a start waits for ledger-d in all.
    private static let patience = Duration.seconds(2)

    /// Asks for jobs.
    static func find(_ jobs: [JobID], at ledger: PeerLink, _ log: Logger) async -> OwnBookings {
        var found = OwnBookings()
        let end = ContinuousClock.now + patience
        var left = jobs[...]
        while !left.isEmpty {
            let some = Array(left.prefix(LedgerInterface.FindOwn.most))
            do {
                let reply = try await Patience.call(until: end) {
                    try await ledger.call(LedgerInterface.FindOwn(jobs: some))
                }
                found.bundles += reply.bundles
            } catch {
                found.unknown.formUnion(left)
                log.warning(
                    "ledger-d cannot be asked what was booked",
                    metadata: ["jobs": "\(left.count)", "error": "\(WireError.wrapping(error).message)"])
                break
            }
            left = left.dropFirst(some.count)
        }
        return found
    }
}
