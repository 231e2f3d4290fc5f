// The first word of a new process to ledger-d: what died with the one before is promised to nobody any more.
// It must never name a job that this process has begun, nor give up one whose receipt it keeps.

import IPC
import Interfaces
import Logging
import NodeModel
import Wire

/// What is told once after a start.
struct Resumption: Sendable {
    /// Jobs whose receipts the journal keeps and the outbox will have accepted.
    let keep: [JobID]

    /// Tells it, for as long as it takes: until then promises stand, which is safe.
    func tell(_ house: Workplace) async {
        guard keep.count <= LedgerInterface.Resume.mostKept else {
            return house.log.warning("too many receipts are owed: promises of dead jobs end by age alone")
        }
        var pause = Duration.milliseconds(200)
        while !Task.isCancelled {
            do {
                let reply = try await house.links.ledger.call(
                    LedgerInterface.Resume(process: house.process, keep: keep))
                if reply.ended > 0 {
                    house.log.notice("promises of dead jobs ended", metadata: ["count": "\(reply.ended)"])
                }
                return
            } catch {
                guard Patience.isPassing(WireError.wrapping(error)) else {
                    return house.log.warning(
                        "promises of dead jobs end by age alone",
                        metadata: ["error": "\(WireError.wrapping(error).message)"])
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }
}
