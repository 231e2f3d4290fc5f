// What others' jobs brought in: each receipt that was signed for a client, and whether its acceptance came; and sales by day.
// It must never write, nor count a job of this node's own.

import FoundationEssentials
import GRDB
import Interfaces
import NodeModel
import Wire

extension Ledger {
    typealias Earnings = LedgerInterface.Earnings

    private static let dayLength: Int64 = 86_400_000

    /// Earnings by day, and the last jobs.
    ///
    /// - Parameter now: Unix milliseconds.
    func earnings(_ wanted: Earnings, now: Int64) async throws -> Earnings.Reply {
        guard (1...366).contains(wanted.days), (0...1_000).contains(wanted.jobs) else {
            throw WireError(
                .invalidParams, "'days' must be from 1 to 366, and 'jobs' from 0 to 1000.")
        }
        let since = (now / Self.dayLength - Int64(wanted.days) + 1) * Self.dayLength
        return try await reading { db in
            // The id of what was issued names the client, and that of its earning is the same but for the first word.
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT issued.at, event.json, earned.at AS accepted FROM operation AS issued
                        JOIN event ON event.id = issued.receipt
                        LEFT JOIN operation AS earned ON earned.id = 'earn' || substr(issued.id, 6)
                        WHERE issued.id >= 'issue/' AND issued.id < 'issue0' AND issued.at >= ?
                        """), arguments: [since])
            var days: [DayKey: Earnings.Day] = [:]
            var jobs: [Earnings.Job] = []
            var claims: [Digest: Claims] = [:]
            while let row = try rows.next() {
                let body = try ReceiptBody(
                    unproven: try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data))
                guard body.client != body.provider else { continue }
                var job = Earnings.Job(
                    job: body.job, client: body.client, model: body.model, asset: body.unitPrice.asset,
                    amount: body.price, at: row["at"], acceptedAt: row["accepted"])
                var isInDoubt = false
                if let charge = try Self.charge(job, db) {
                    let known = try claims[charge.purse.id] ?? Self.claims(charge.purse, db)
                    claims[charge.purse.id] = known
                    job.unclaimed = max(0, min(job.amount, charge.total - known.claimed))
                    isInDoubt = known.isInDoubt
                }
                let key = DayKey(day: job.at / Self.dayLength, asset: job.asset)
                Self.count(
                    job, into: &days[key, default: .init(day: key.day, asset: key.asset)], now: now,
                    isInDoubt: isInDoubt)
                if wanted.jobs > 0 { jobs.append(job) }
            }
            for sale in try Self.sales(db, since: since, limit: .max)
            where sale.state == .carried || sale.state == .settled {
                let key = DayKey(day: sale.at / Self.dayLength, asset: sale.sale.asset)
                Self.count(sale, into: &days[key, default: .init(day: key.day, asset: key.asset)], now: now)
            }
            jobs.sort { ($0.at, $0.job.text) > ($1.at, $1.job.text) }
            return Earnings.Reply(
                days: days.values.sorted { ($0.day, $1.asset.rawValue) > ($1.day, $0.asset.rawValue) },
                jobs: Array(jobs.prefix(wanted.jobs)))
        }
    }

    private struct DayKey: Hashable {
        var day: Int64
        var asset: Asset
    }

    private static func count(_ sale: SaleRecord, into day: inout Earnings.Day, now: Int64) {
        let amount = sale.sale.terms.amount
        day.sales += 1
        guard sale.state != .settled else {
            day.earned += amount
            return
        }
        day.unpaid += amount
        if now - sale.at > dayLength { day.atRisk += amount }
    }

    private static func count(
        _ job: Earnings.Job, into day: inout Earnings.Day, now: Int64, isInDoubt: Bool
    ) {
        day.jobs += 1
        guard let unclaimed = job.unclaimed else {
            guard job.acceptedAt == nil else {
                day.earned += job.amount
                return
            }
            day.unpaid += job.amount
            if now - job.at > dayLength { day.atRisk += job.amount }
            return
        }
        // What a voucher covers needs nobody's acceptance: it is paid when the contract has paid it out.
        day.earned += job.amount - unclaimed
        day.unpaid += unclaimed
        if isInDoubt { day.atRisk += unclaimed }
    }

    /// What was claimed out of one channel.
    private struct Claims {
        var claimed: Int64
        /// Whether the last claim has failed: the contract may not hold what the vouchers say.
        var isInDoubt: Bool
    }

    private static func claims(_ purse: Purse, _ db: Database) throws -> Claims {
        let party = "\(purse.rail):claim:\(purse.id.hex)"
        let due = try balance(purse.account, purse.asset, db)
        // A claim that is under way holds its money; one that failed has given it back.
        var (underWay, last) = (Int64(0), PaymentState?.none)
        let ids = try String.fetchAll(
            db.cachedStatement(
                sql: "SELECT id FROM payment WHERE party = ? ORDER BY at DESC, id DESC LIMIT 8"),
            arguments: [party])
        for payment in try ids.map({ try requirePayment($0, db) }) {
            if !payment.state.isOver {
                underWay += payment.amount
            } else if last == nil {
                last = payment.state
            }
        }
        return Claims(
            claimed: try charged(purse.id, db) - due - underWay, isInDoubt: last == .failed)
    }

    /// What a job was charged to, and the sum of all charges with it; nil where no channel pays.
    private static func charge(
        _ job: Earnings.Job, _ db: Database
    ) throws -> (purse: Purse, total: Int64)? {
        guard job.asset != .testCredit, !job.asset.isLightning,
            let purse = try promised(job.job, by: job.client, .payee, db),
            let total = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT total FROM charge WHERE channel = ? AND job = ?"),
                arguments: [Data(purse.id.bytes), job.job.text])
        else { return nil }
        return (purse, total)
    }
}
