// The intents that leave a mark in the ledger: receipts issued, accepted, and paid for.
// It must never reply before the transaction is on disk, nor book what is not proven by signatures.

import DaemonKit
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    /// Writes down that this node takes a stranger's job.
    func take(
        _ job: TakenJob, payment: String? = nil, ceiling: Int64? = nil, process: Digest? = nil,
        quoted came: LedgerInterface.TakeJob.Quoted? = nil
    ) async throws -> LedgerInterface.TakeJob.Reply {
        try policy.job(job)
        try requireStaying()
        let kept = try quoted(job, came, payment: payment, ceiling: ceiling)
        let drawn = try drawn(job, payment, ceiling: ceiling, process: process)
        let cover = drawn == nil ? try await cover(job, payment, ceiling: ceiling, process: process) : nil
        var job = job
        job.quote = kept.flatMap { Digest(hex: $0.event.id) }
        do {
            return LedgerInterface.TakeJob.Reply(
                repeated: try await ledger.take(job, cover: cover, drawn: drawn, quote: kept, at: clock()))
        } catch let error as WireError {
            // An invoice may be paid that nobody has looked at yet.
            if drawn != nil { lightningBell.yield() }
            throw await explained(error, cover, kept)
        }
    }

    /// Opens the content key of a job that this node has taken and not finished.
    func unwrap(_ request: LedgerInterface.UnwrapKey) async throws -> LedgerInterface.UnwrapKey.Reply {
        try await ledger.requireOpen(request.job, of: request.sender, at: clock())
        return LedgerInterface.UnwrapKey.Reply(
            contentKey: try wrapping.unwrap(request.wrapped, job: request.job, sender: request.sender))
    }

    /// Signs a receipt once per job and client; the same body again gives the same event.
    func signReceipt(_ body: ReceiptBody) async throws -> SignedEvent {
        let quote =
            body.unitPrice.asset == .testCredit || body.client == body.provider
            ? nil : try await ledger.quote(of: body.job, by: body.client)
        let template = try policy.receipt(body, quote: quote, now: now)
        let key = key
        let operation = Operation(kind: .issue, job: body.job, client: body.client, provider: body.provider)
        let outcome = try await perform(operation, body, receiptID: Hex.encode(template.computedID())) {
            (try key.sign(template), nil)
        }
        return outcome.receipt
    }

    /// Accepts a receipt once per job, and books what it costs.
    func accept(_ receipt: SignedEvent) async throws -> LedgerInterface.AcceptReceipt.Reply {
        let body = try policy.receiptToAccept(receipt, now: now)
        let key = key
        let acceptedAt = now
        let outcome = try await perform(
            operation(for: body, otherwise: .spend), body, receiptID: receipt.id,
            limit: body.provider == key.publicKey ? nil : limit
        ) {
            let template = Acceptance.template(receipt: receipt, body: body, acceptedAt: acceptedAt)
            return (receipt, try key.sign(template))
        }
        guard let acceptance = outcome.acceptance else {
            throw WireError(.corrupt, "The ledger has lost the acceptance of \(body.job).")
        }
        // The preimage of what is held for this job may leave now: that it was accepted is on disk.
        let reveal =
            body.unitPrice.asset.isLightning
            ? try await ledger.reveal(of: body.job, provider: body.provider) : nil
        return LedgerInterface.AcceptReceipt.Reply(
            acceptance: acceptance, repeated: outcome.repeated, reveal: reveal)
    }

    /// Books what this node earned, once per job and client.
    func record(_ bundle: ReceiptBundle) async throws -> LedgerInterface.RecordAcceptance.Reply {
        let (body, acceptance) = try policy.acceptanceToRecord(bundle)
        let receipt = bundle.receipt
        let outcome = try await perform(
            operation(for: body, otherwise: .earn), body, receiptID: receipt.id
        ) { (receipt, acceptance) }
        return LedgerInterface.RecordAcceptance.Reply(repeated: outcome.repeated)
    }

    /// Work for oneself is neither earned nor spent.
    private func operation(for body: ReceiptBody, otherwise kind: Operation.Kind) -> Operation {
        Operation(
            kind: body.client == body.provider ? .own : kind, job: body.job, client: body.client,
            provider: body.provider)
    }

    private func perform(
        _ operation: Operation, _ body: ReceiptBody, receiptID: String, limit: SpendingLimit? = nil,
        events: @escaping @Sendable () throws -> (receipt: SignedEvent, acceptance: SignedEvent?)
    ) async throws -> Ledger.Outcome {
        try await booking(operation.kind) {
            try await ledger.perform(
                operation, body: body, receiptID: receiptID, at: clock(), limit: limit, events: events)
        }
    }

    /// Does and counts what leaves a mark in the ledger.
    func booking(
        _ kind: Operation.Kind, _ body: () async throws -> Ledger.Outcome
    ) async throws -> Ledger.Outcome {
        try requireStaying()
        let started = ContinuousClock.now
        let outcome = try await body()
        metrics.observe(
            "infernet_ledger_commit_seconds", (ContinuousClock.now - started) / .seconds(1),
            labels: ["kind", kind.rawValue], help: "From intent to durable commit.")
        if !outcome.repeated, kind.movesMoney {
            metrics.count(
                "infernet_ledger_transfers_total", labels: ["kind", kind.rawValue],
                help: "Transfers appended to the chain.")
        }
        return outcome
    }

    /// Refuses work while another key waits for the next start.
    func requireStaying() throws {
        guard !isLeaving.withLockedValue({ $0 }) else {
            throw WireError(
                .unavailable, "Another key takes over at the next start; nothing is booked until then.",
                fix: "Restart the node.")
        }
    }
}
