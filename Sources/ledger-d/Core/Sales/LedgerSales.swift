// The sales' book: a stranger's payment is written down before the work, carried once, and used up by one delivered answer.
// It must never let one payment buy two answers, nor forget one that the chain has.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire
import X402

extension Ledger {
    /// A payment that is to be taken for a job.
    struct Offer: Sendable {
        var job: JobID
        var terms: SaleTerms
        var rail: String
        var asset: Asset
        var request: Digest
        /// Of aggregator-d.
        var process: Digest?
        var model: String?
    }

    /// What is known of a stranger's payment.
    struct Sale: Sendable {
        var terms: SaleTerms
        var rail: String
        var asset: Asset
        var request: Digest
        /// Nil until it was to be carried.
        var carrying: OutgoingPayment?
    }

    /// The longest time that a turn may take before another may begin, in milliseconds.
    static let longestTurn: Int64 = 900_000

    /// Writes a payment down with the job that it is for, or gives a payment that bought nothing yet another turn.
    ///
    /// - Returns: whether the payment was known.
    /// - Throws: `.paymentRequired` when it has bought its answer, or is another's; `.conflict` while that is made.
    func take(_ offer: Offer, at: Int64) async throws -> Bool {
        // Who asked may be dead by now, and another process have said so.
        try Task.checkCancellation()
        return try await writing { writer in
            let (db, terms) = (writer.db, offer.terms)
            let known = try Self.sale(terms.id, db)
            if let known {
                guard known.terms == terms, known.request == offer.request else {
                    throw WireError(.paymentRequired, "The authorization was used for something else.")
                }
                if known.carrying?.state == .failed {
                    throw WireError(.paymentRequired, "The authorization was not carried out, and cannot be.")
                }
            }
            let turns: [(job: String, at: Int64, delivered: Bool?)] = try Row.fetchAll(
                db,
                sql: """
                    SELECT turn.job, turn.at, turn_end.delivered FROM turn
                    LEFT JOIN turn_end ON turn_end.job = turn.job WHERE turn.payment = ? ORDER BY number
                    """, arguments: [terms.id]
            ).map { ($0["job"], $0["at"], $0["delivered"]) }
            if let last = turns.last, last.job == offer.job.text, last.delivered == nil { return true }
            if turns.contains(where: { $0.delivered == true }) || turns.count == 3 {
                throw WireError(.paymentRequired, "The authorization was used before.")
            }
            if let last = turns.last, last.delivered == nil, last.at > at - Self.longestTurn {
                throw WireError(
                    .conflict, "What this authorization pays for is being made.", retryAfterMs: 5_000)
            }
            if known == nil {
                try writer.insert(
                    "sale",
                    [
                        "payment": terms.id, "asset": offer.asset.rawValue, "payer": terms.payer,
                        "nonce": Data(try terms.made().exact.authorization.nonce.bytes),
                        "amount": terms.amount, "request": Data(offer.request.bytes),
                        "terms": Data(try CanonicalJSON.encode(terms)), "at": at,
                    ])
            }
            try writer.insert(
                "turn",
                [
                    "job": offer.job.text, "payment": terms.id, "number": turns.count + 1, "at": at,
                    "process": offer.process.map { Data($0.bytes) }, "model": offer.model,
                ])
            return known != nil
        }
    }

    /// Has the payment of a job carried, from now on until the chain has it or cannot have it any more.
    func carry(_ job: JobID, at: Int64) async throws -> Sale {
        try await writing { writer in
            guard let sale = try Self.sale(of: job, writer.db) else {
                throw WireError(.notFound, "\(job) was not sold.")
            }
            if sale.carrying != nil { return sale }
            let (terms, rail) = (sale.terms, sale.rail)
            _ = try Self.perform(
                .deposit(
                    terms.amount, sale.asset, from: "sold:\(rail):\(terms.payer)", into: terms.due(rail)),
                id: "sold/\(terms.sale)", at: at, writer)
            var carried = sale
            carried.carrying = try Self.ask(
                PaymentDraft(
                    id: terms.id, rail: rail, asset: sale.asset, amount: terms.amount, payee: terms.payee,
                    terms: try CanonicalJSON.encode(terms), perPayment: 0, perDay: 0, account: terms.due(rail)
                ),
                at: at, writer)
            return carried
        }
    }

    /// The end of a job's turn. Again is the same; what was delivered stays so.
    func endTurn(_ job: JobID, delivered: Bool, usage: Usage? = nil, at: Int64) async throws {
        try await writing { writer in
            let known = try Row.fetchOne(
                writer.db,
                sql: """
                    SELECT turn_end.delivered FROM turn LEFT JOIN turn_end ON turn_end.job = turn.job
                    WHERE turn.job = ?
                    """, arguments: [job.text])
            guard let known else { throw WireError(.notFound, "\(job) was not sold.") }
            guard known["delivered"] as Int64? == nil else { return }
            try writer.insert(
                "turn_end",
                [
                    "job": job.text, "delivered": delivered ? 1 : 0, "at": at,
                    "prompt_tokens": usage?.promptTokens, "completion_tokens": usage?.completionTokens,
                ])
        }
    }

    /// How many jobs of strangers are under way.
    func openTurns(at: Int64) async throws -> Int {
        try await reading { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM turn WHERE at > ? AND NOT EXISTS (
                        SELECT 1 FROM turn_end WHERE turn_end.job = turn.job)
                    """, arguments: [at - Self.longestTurn]) ?? 0
        }
    }

    /// Writes off what strangers' authorizations cannot bring any more.
    func writeOffSales(_ rail: String, at: Int64) async throws {
        let lost = try await reading { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT sale.payment FROM sale JOIN payment ON payment.id = sale.payment
                    JOIN step ON step.payment = payment.id AND step.state = 'failed'
                    WHERE payment.rail = ? AND NOT EXISTS (SELECT 1 FROM operation
                        WHERE operation.id = 'deed/lost/' || sale.payment)
                    """, arguments: [rail]
            ).compactMap { try Self.sale($0["payment"], db) }
        }
        for sale in lost {
            try await writing { writer in
                _ = try Self.perform(
                    .withdraw(
                        sale.terms.amount, sale.asset, to: "lost:\(rail):\(sale.terms.payer)",
                        of: sale.terms.due(rail)), id: "lost/\(sale.terms.id)", at: at, writer)
            }
        }
    }

    /// A job's sale.
    func sale(of job: JobID) async throws -> Sale? { try await reading { try Self.sale(of: job, $0) } }

    /// A payment that was taken.
    func sale(_ payment: String) async throws -> Sale? { try await reading { try Self.sale(payment, $0) } }

    private static func sale(of job: JobID, _ db: Database) throws -> Sale? {
        try String.fetchOne(
            db, sql: "SELECT payment FROM turn WHERE job = ?", arguments: [job.text]
        ).flatMap { try sale($0, db) }
    }

    static func sale(_ payment: String, _ db: Database) throws -> Sale? {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM sale WHERE payment = ?", arguments: [payment])
        else { return nil }
        let terms = try CanonicalJSON.decode(SaleTerms.self, from: row["terms"] as Data)
        guard let request = Digest(bytes: Array(row["request"] as Data)) else {
            throw WireError(.corrupt, "A sale in the ledger cannot be read.")
        }
        return Sale(
            terms: terms, rail: "eip155:\(terms.chain)", asset: Asset(rawValue: row["asset"]),
            request: request,
            carrying: try self.payment(payment, db))
    }
}
