// How earnings look: a line a day, a line a job, or CSV. Pure.
// It must never write a stranger's text into CSV without quoting it.

import FoundationEssentials
import Interfaces
import NodeModel
import Nostr

enum EarningsView {
    typealias Earnings = LedgerInterface.Earnings

    static func days(_ days: [Earnings.Day]) -> Table {
        var table = Table([
            ("DAY", .left), ("JOBS", .right), ("SALES", .right), ("EARNED", .right), ("UNPAID", .right),
            ("AT RISK", .right),
        ])
        for day in days {
            table.add(
                date(day.day), "\(day.jobs)", "\(day.sales)", Units.amount(day.earned, day.asset),
                Units.amount(day.unpaid, day.asset), Units.amount(day.atRisk, day.asset))
        }
        return table
    }

    static func jobs(_ jobs: [Earnings.Job]) -> Table {
        var table = Table([
            ("JOB", .left), ("DONE", .left), ("AMOUNT", .right), ("STATE", .left), ("CLIENT", .left),
        ])
        for job in jobs {
            table.add(
                job.job.text, time(job.at), Units.amount(job.amount, job.asset),
                state(job), job.client.npub)
        }
        return table
    }

    private static func state(_ job: Earnings.Job) -> String {
        if let unclaimed = job.unclaimed { return unclaimed == 0 ? "claimed" : "covered, not claimed" }
        return job.acceptedAt.map { "accepted \(time($0))" } ?? "unpaid"
    }

    static func sales(_ sales: [LedgerInterface.Sale]) -> Table {
        var table = Table([
            ("SALE", .left), ("TAKEN", .left), ("AMOUNT", .right), ("STATE", .left), ("BUYER", .left),
        ])
        for sale in sales {
            table.add(
                sale.job.text, time(sale.at), Units.amount(sale.amount, sale.asset),
                sale.settledAt.map { "settled \(time($0))" } ?? sale.state.rawValue, sale.buyer)
        }
        return table
    }

    /// Lines with a head; amounts as whole numbers. A sale stands as a job whose client is the buyer's account.
    static func csv(_ reply: Earnings.Reply, byJob: Bool) -> [String] {
        guard byJob else {
            return ["day,asset,jobs,sales,earned,unpaid,at_risk"]
                + reply.days.map { day in
                    "\(date(day.day)),\(quoted(day.asset.rawValue)),\(day.jobs),\(day.sales),\(day.earned),\(day.unpaid),\(day.atRisk)"
                }
        }
        return ["job,client,model,asset,amount,done_at,accepted_at"]
            + reply.jobs.map { job in
                [
                    job.job.text, job.client.hex, quoted(job.model), quoted(job.asset.rawValue),
                    "\(job.amount)",
                    time(job.at), job.acceptedAt.map(time) ?? "",
                ].joined(separator: ",")
            }
            + reply.sales.map { sale in
                [
                    sale.job.text, quoted(sale.buyer), quoted(sale.model ?? ""), quoted(sale.asset.rawValue),
                    "\(sale.amount)", time(sale.at), sale.settledAt.map(time) ?? "",
                ].joined(separator: ",")
            }
    }

    /// A day since 1970 as ISO 8601 has it.
    static func date(_ day: Int64) -> String { String(time(day * 86_400_000).prefix(10)) }

    private static func time(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds / 1000)).formatted(.iso8601)
    }

    private static func quoted(_ text: String) -> String {
        let clean = TerminalText.clean(text)
        guard clean.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return clean }
        return "\"" + clean.replacing("\"", with: "\"\"") + "\""
    }
}
