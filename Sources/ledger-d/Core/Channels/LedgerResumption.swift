// What ends when aggregator-d has begun anew: promises for jobs that died with it, and turns at what strangers paid for.
// It must never end a promise that a receipt may still be charged to: those are named by who keeps the receipts.
//
// For the payee it is its own claim that it gives up. A payer gives up nothing that protects it: the voucher is signed, and
// stays within `max_at_risk` of the receipts, whatever is promised under it.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// - Parameters:
    ///   - process: of aggregator-d; what it began itself is not touched.
    ///   - keep: jobs whose receipts will still be accepted.
    /// - Returns: how many promises and turns ended.
    func resume(process: Digest, keep: Set<JobID>, at: Int64) async throws -> Int {
        // In line behind what the process that died had asked for: a look beside the line would miss a promise that is on its way
        // to the disk, and leave it to its age.
        let (promises, turns) = try await writing { writer in
            let db = writer.db
            let promises = try Row.fetchAll(
                db,
                sql: """
                    SELECT channel.*, pledge.job FROM pledge JOIN channel ON channel.id = pledge.channel
                    WHERE pledge.process IS NOT ? AND NOT EXISTS (SELECT 1 FROM charge
                        WHERE charge.channel = pledge.channel AND charge.job = pledge.job)
                    AND NOT EXISTS (SELECT 1 FROM due
                        WHERE due.channel = pledge.channel AND due.job = pledge.job)
                    """, arguments: [Data(process.bytes)]
            ).compactMap { row in try JobID(row["job"]).map { ($0, try Purse(row)) } }
            let turns = try String.fetchAll(
                db,
                sql: """
                    SELECT job FROM turn WHERE process IS NOT ? AND NOT EXISTS (
                        SELECT 1 FROM turn_end WHERE turn_end.job = turn.job)
                    """, arguments: [Data(process.bytes)]
            ).compactMap { JobID($0) }
            return (promises, turns)
        }
        var ended = 0
        for (job, purse) in promises where !keep.contains(job) {
            try await writing { writer in try Self.release(job, purse, at: at, writer) }
            ended += 1
        }
        for job in turns {
            try await endTurn(job, delivered: false, at: at)
            ended += 1
        }
        return ended
    }
}
