// A node's word on work: the provider's counterfoil, and the client's evidence, which has that in it.
// It must never say that a job went well whose receipt this ledger has not accepted, nor anything that no provider signed for.

import GRDB
import Interfaces
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    /// Signs the counterfoil of a receipt of this node. The receipt's own signature proves that the ledger issued it.
    func signCounterfoil(_ receipt: SignedEvent) throws -> LedgerInterface.SignCounterfoil.Reply {
        let template = try policy.counterfoil(of: receipt, now: now)
        return LedgerInterface.SignCounterfoil.Reply(signature: try key.sign(template).sig)
    }

    /// Signs what this node says of a job.
    func signEvidence(_ request: LedgerInterface.SignEvidence) async throws -> SignedEvent {
        let evidence = try policy.evidence(
            on: request.receipt, counterfoil: request.counterfoil, request.outcome, now: now)
        // What was accepted may still be found wrong: answers are checked after their jobs have ended, and been paid for.
        guard request.outcome == .wrong ? true : try await ledger.hasAccepted(request.receipt) else {
            throw WireError(
                .policyRefused, "ledger-d does not sign this: this ledger has not accepted the receipt.")
        }
        return try key.sign(evidence.template)
    }
}

extension Ledger {
    /// Whether this node spent on exactly this receipt.
    func hasAccepted(_ receipt: SignedEvent) async throws -> Bool {
        let body = try ReceiptBody(unproven: receipt)
        let spend = Operation(kind: .spend, job: body.job, client: body.client, provider: body.provider)
        return try await reading { db in
            try Int.fetchOne(
                db, sql: "SELECT 1 FROM operation WHERE id = ? AND receipt = ?",
                arguments: [spend.id, receipt.id]) != nil
        }
    }
}

extension SigningPolicy {
    /// The counterfoil of a receipt that this node has signed lately.
    func counterfoil(of receipt: SignedEvent, now: Int64) throws(WireError) -> EventTemplate {
        let (body, counterfoil) = try work(receipt, now: now)
        guard body.provider == node else {
            throw refusal("receipt.provider", "the receipt is another node's", body.provider.hex)
        }
        return counterfoil.template
    }

    /// This node's word on a receipt that is made out to it; both of the provider's signatures are proven here.
    func evidence(
        on receipt: SignedEvent, counterfoil signature: String, _ outcome: Evidence.Outcome, now: Int64
    ) throws(WireError) -> Evidence {
        let (body, counterfoil) = try work(receipt, now: now)
        guard body.client == node else {
            throw refusal("receipt.client", "the receipt is made out to another client", body.client.hex)
        }
        guard let bytes = Hex.decode(signature, count: 64), counterfoil.isSigned(bytes) else {
            throw WireError(.verificationFailed, "The provider did not sign this counterfoil.")
        }
        let evidence = Evidence(
            counterfoil: counterfoil, signature: bytes, outcome: outcome, createdAt: now)
        // Whoever reads the event must find this evidence in it, and no other.
        guard Evidence(unproven: SignedEvent(evidence.template, signature: [])) == evidence else {
            throw refusal("receipt", "its numbers or names cannot be read back as they were written", nil)
        }
        return evidence
    }

    private func work(
        _ receipt: SignedEvent, now: Int64
    ) throws(WireError) -> (ReceiptBody, Counterfoil) {
        let body: ReceiptBody
        do { body = try ReceiptBody(receipt) } catch {
            throw WireError(.verificationFailed, "The receipt does not hold: \(error).")
        }
        guard let counterfoil = Counterfoil(receipt, body) else {
            throw refusal("receipt", "work for oneself is nobody else's affair", body.client.hex)
        }
        guard (now - Self.oldestJob...now + Self.clockSkew).contains(body.finishedAt) else {
            throw refusal(
                "receipt.finished_at", "the job did not end in the last 24 hours",
                "\(body.finishedAt)")
        }
        return (body, counterfoil)
    }
}
