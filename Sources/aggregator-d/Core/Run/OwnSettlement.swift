// From this node's own answer to its receipt: check what the engine says, have it signed and booked at once, write it down.
// It must never have anything signed that was not checked against the answer that was received.

import IPC
import Interfaces
import NodeModel
import Wire

/// The settling of a job that this node ran for its own people.
struct OwnSettlement: Sendable {
    let house: Workplace
    /// The job as it stands.
    let record: AggregatorInterface.Record
    let request: InferenceRequest
    let own: PublicKey
    let reply: ExecInterface.Run.Reply
    let entry: ContentInterface.Entry
    let answer: AnswerTally.Sum

    /// Has it booked, and writes it down.
    ///
    /// ledger-d is asked first: it signs nothing twice, so that a crash before the journal knows leaves a booking that is
    /// found again at the next start (`OwnBookings`).
    func book() async throws -> (body: ReceiptBody, bundle: ReceiptBundle) {
        let (job, unitPrice) = (record.job, house.prices.of(entry.name))
        let body = try ReceiptBody.make(
            reply, job: job, provider: own, client: own, model: entry.name, unitPrice: unitPrice,
            finishedAt: house.clock.seconds)
        try ReceiptCheck(
            job: job, provider: own, client: own, modelRoot: entry.root, request: request,
            requestHash: try request.hash(), unitPrice: unitPrice, maxTokens: .max, answer: answer
        ).verify(body)
        let booked = try await Patience.call(until: .now + .milliseconds(house.limits.settleMs)) {
            try await house.links.ledger.call(LedgerInterface.BookOwn(body: body), trace: job.text)
        }
        guard let acceptance = booked.bundle.acceptance else {
            throw WireError(.internalError, "ledger-d booked \(job) without an acceptance.")
        }
        let key = JobKey(job: job, served: false)
        // The caller is told when it is in the journal, too.
        try await house.journal.commit([
            // Comes along should the journal have been unable to take it when the job began.
            .opened(record),
            .receipt(key, booked.bundle.receipt, body, at: house.clock.milliseconds()),
            .accepted(key, acceptance),
        ])
        return (body, booked.bundle)
    }
}
