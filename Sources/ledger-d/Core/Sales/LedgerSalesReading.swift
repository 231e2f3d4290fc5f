// What strangers bought, read: each sale with how far its payment is, why, and what comes next.
// It must never write, nor call a payment settled that the outbox does not.

import EVM
import FoundationEssentials
import GRDB
import Interfaces
import NodeModel
import Wire

/// A sale as the book has it.
struct SaleRecord: Sendable {
    var sale: Ledger.Sale
    /// Unix milliseconds.
    var at: Int64
    /// Its last turn.
    var job: JobID
    var model: String?
    var tokens: (prompt: Int64, completion: Int64)?
    var turns: Int
    /// Nil while the last turn goes on.
    var delivered: Bool?

    var state: LedgerInterface.Sale.State {
        switch sale.carrying?.state {
        case nil: .taken
        case .settled: .settled
        case .failed: .failed
        default: .carried
        }
    }

    /// As people see it.
    ///
    /// - Parameters:
    ///   - awaited: what the chain is asked for.
    ///   - now: Unix milliseconds.
    func shown(awaited: String?, now: Int64) -> LedgerInterface.Sale {
        let (reason, next) = words(awaited: awaited, now: now)
        let payer = (try? EVMAddress(sale.terms.payer))?.checksummed ?? sale.terms.payer
        return LedgerInterface.Sale(
            job: job, model: model, promptTokens: tokens?.prompt, completionTokens: tokens?.completion,
            asset: sale.asset, amount: sale.terms.amount, buyer: payer, at: at, state: state,
            delivered: delivered == true, reason: reason, next: next, transaction: transaction,
            settledAt: state == .settled ? sale.carrying?.since : nil)
    }

    private func words(awaited: String?, now: Int64) -> (reason: String, next: String?) {
        // An authorization that was carried is good for another turn also when it has run out.
        let again =
            turns < 3 && (state == .settled || sale.terms.validBefore > now / 1000)
            ? "the buyer may ask again with the same payment" : nil
        switch (state, delivered) {
        case (.taken, nil): return ("the answer is being made", "the answer, and then its payment")
        case (.taken, _): return ("no answer was given, and no money was taken", again)
        case (.carried, _): return (sale.carrying?.reason ?? "", awaited ?? "the chain")
        case (.settled, true): return (sale.carrying?.reason ?? "", nil)
        case (.settled, nil): return (sale.carrying?.reason ?? "", "the answer")
        case (.settled, _): return ("it is paid, and no answer was delivered", again)
        case (.failed, _): return (sale.carrying?.reason ?? "", nil)
        }
    }

    private var transaction: String? {
        guard let carrying = sale.carrying else { return nil }
        // Somebody else may have carried it: the end names the transaction.
        let words = carrying.state == .settled ? carrying.reason.split(separator: " ") : []
        if let named = words.last(where: { $0.hasPrefix("0x") }) { return String(named) }
        return carrying.letters.last.map { "0x" + Hex.encode($0.hash) }
    }
}

extension Ledger {
    /// The last sales, newest first.
    func sales(limit: Int) async throws -> [SaleRecord] {
        guard (1...1_000).contains(limit) else {
            throw WireError(.invalidParams, "'limit' must be from 1 to 1000, not \(limit).")
        }
        return try await reading { db in try Self.sales(db, since: 0, limit: limit) }
    }

    /// - Parameter since: Unix milliseconds.
    static func sales(_ db: Database, since: Int64, limit: Int) throws -> [SaleRecord] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT sale.payment, sale.at, turn.job, turn.model, turn.number, turn_end.delivered,
                    turn_end.prompt_tokens, turn_end.completion_tokens
                FROM sale JOIN turn ON turn.payment = sale.payment AND turn.number =
                    (SELECT max(number) FROM turn AS last WHERE last.payment = sale.payment)
                LEFT JOIN turn_end ON turn_end.job = turn.job
                WHERE sale.at >= ? ORDER BY sale.at DESC, sale.payment LIMIT ?
                """, arguments: [since, limit]
        ).map { row in
            guard let sale = try sale(row["payment"], db), let job = JobID(row["job"]) else {
                throw WireError(.corrupt, "A sale in the ledger cannot be read.")
            }
            var tokens: (prompt: Int64, completion: Int64)?
            if let prompt: Int64 = row["prompt_tokens"], let completion: Int64 = row["completion_tokens"] {
                tokens = (prompt, completion)
            }
            return SaleRecord(
                sale: sale, at: row["at"], job: job, model: row["model"], tokens: tokens,
                turns: row["number"], delivered: row["delivered"])
        }
    }
}

extension LedgerDaemon {
    /// The last sales with what each waits for.
    func sales(limit: Int) async throws -> LedgerInterface.Sales.Reply {
        var shown: [LedgerInterface.Sale] = []
        for record in try await ledger.sales(limit: limit) { shown.append(await self.shown(record)) }
        return LedgerInterface.Sales.Reply(sales: shown)
    }

    func shown(_ record: SaleRecord) async -> LedgerInterface.Sale {
        let rail = rails.first { $0.chain.rail == record.sale.rail }
        return record.shown(awaited: await rail?.awaited[record.sale.terms.id], now: clock())
    }

    /// Earnings by jobs and by sales.
    func earnings(
        _ request: LedgerInterface.Earnings
    ) async throws -> LedgerInterface.Earnings.Reply {
        var reply = try await ledger.earnings(request, now: clock())
        if request.jobs > 0 { reply.sales = try await sales(limit: request.jobs).sales }
        return reply
    }
}
