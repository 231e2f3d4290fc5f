// From another node's answer to an accepted receipt: check, write down, accept, owe the delivery. In this order, so that no
// crash can lose what was signed. It must never accept a receipt that was not checked against what was received.

import IPC
import Interfaces
import NodeModel
import Wire

/// The settling of a job that another node did for this one.
struct Settlement: Sendable {
    let house: Workplace
    /// The job as it stands.
    let record: AggregatorInterface.Record
    let receipt: SignedEvent
    let check: ReceiptCheck
    /// Where the acceptance is to be delivered.
    let endpoint: String

    private var key: JobKey { JobKey(job: record.job, served: false) }

    /// How long the outbox leaves a receipt to its job, in milliseconds.
    private static let graceMs: Int64 = 30_000

    /// Checks and accepts the receipt.
    func accept() async throws -> (body: ReceiptBody, bundle: ReceiptBundle) {
        let body = try check.verify(receipt)
        let now = house.clock.milliseconds()
        // Durable before the acceptance exists: after a crash the outbox asks for it again and delivers it.
        try await house.journal.commit([
            // Comes along should the journal have been unable to take it when the job began.
            .opened(record),
            .receipt(key, receipt, body, at: now),
            .owed(
                OutboxRow(key: key, provider: body.provider, endpoint: endpoint, nextAt: now + Self.graceMs)),
        ])
        let reply = try await Patience.call(until: .now + .milliseconds(house.limits.settleMs)) {
            try await house.links.ledger.call(
                LedgerInterface.AcceptReceipt(receipt: receipt), trace: key.job.text)
        }
        do { try Acceptance.check(reply.acceptance, receipt: receipt, body: body) } catch {
            throw WireError(.internalError, "ledger-d's acceptance does not hold.", cause: "\(error)")
        }
        house.journal.append(.accepted(key, reply.acceptance))
        house.journal.append(.postponed(key, attempts: 0, nextAt: now, error: ""))
        house.outbox.wake()
        return (body, ReceiptBundle(receipt: receipt, acceptance: reply.acceptance))
    }
}

extension ReceiptBody {
    /// The receipt of what exec-d did.
    static func make(
        _ reply: ExecInterface.Run.Reply, job: JobID, provider: PublicKey, client: PublicKey, model: String,
        unitPrice: UnitPrice, finishedAt: Int64
    ) throws -> ReceiptBody {
        guard
            let price = unitPrice.total(
                promptTokens: reply.usage.promptTokens, completionTokens: reply.usage.completionTokens)
        else { throw WireError(.internalError, "The price of this job is more than can be counted.") }
        return ReceiptBody(
            job: job, provider: provider, client: client, model: model, modelRoot: reply.modelRoot,
            image: reply.image,
            requestHash: reply.requestHash, resultHash: reply.resultHash, usage: reply.usage,
            timings: reply.timings,
            finish: reply.finish, unitPrice: unitPrice, price: price, finishedAt: finishedAt)
    }
}
