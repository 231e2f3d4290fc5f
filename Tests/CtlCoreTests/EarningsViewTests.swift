// Proves how earnings are shown: whole amounts, days by their date, and CSV that a stranger's words cannot break.

import ArgumentParser
import Interfaces
import NodeModel
import Testing

@testable import CtlCore

@Suite struct EarningsViewTests {
    private let reply: LedgerInterface.Earnings.Reply

    init() throws {
        var job = try #require(LedgerInterface.Earnings.example.reply.jobs.first)
        job.model = "m,\"x\"\n=1+1"
        job.acceptedAt = job.at + 60_000
        reply = LedgerInterface.Earnings.Reply(
            days: [
                .init(
                    day: 20_717, asset: .testCredit, jobs: 2, sales: 3, earned: 1_500_000, unpaid: 54,
                    atRisk: 0)
            ], jobs: [job])
    }

    @Test func aDayIsALine() {
        #expect(
            EarningsView.days(reply.days).lines() == [
                "DAY         JOBS  SALES           EARNED                UNPAID        AT RISK",
                "2026-09-21     2      3  1.5 test:credit  0.000054 test:credit  0 test:credit",
            ])
    }

    @Test func csvIsWholeNumbersAndQuotesWhatStrangersWrote() throws {
        #expect(
            EarningsView.csv(reply, byJob: false) == [
                "day,asset,jobs,sales,earned,unpaid,at_risk", "2026-09-21,test:credit,2,3,1500000,54,0",
            ])
        let job = try #require(reply.jobs.first)
        let line = try #require(EarningsView.csv(reply, byJob: true).last)
        #expect(line.hasPrefix("\(job.job.text),\(job.client.hex),\"m,\"\"x\"\""))
        #expect(line.hasSuffix("test:credit,\(job.amount),2026-09-21T14:13:20Z,2026-09-21T14:14:20Z"))
        #expect(try InfernetCtl.parseAsRoot(["wallet", "earnings", "--csv"]) is Wallet.Earnings)
        for wrong in [["--days", "0"], ["--jobs", "1001"], ["--csv", "--json"]] {
            #expect(throws: (any Error).self) { try InfernetCtl.parseAsRoot(["wallet", "earnings"] + wrong) }
        }
    }

    @Test func aSaleSaysWhatItWaitsForAndIsNotCalledPaidBefore() throws {
        var sale = try #require(LedgerInterface.Sales.example.reply.sales.first)
        var lines = SalesView.lines([sale], [], .plain)
        #expect(
            lines.first?.contains("payment on its way, delivered  smollm2-135m-instruct  30 + 12 tokens")
                == true)
        #expect(lines.contains("  next: the final block") && lines.contains { $0.contains(sale.buyer) })
        #expect(EarningsView.sales([sale]).lines().last?.contains("carried") == true)
        (sale.state, sale.next, sale.settledAt) = (.settled, nil, sale.at + 60_000)
        lines = SalesView.lines([sale], [], .plain)
        #expect(lines.first?.contains("paid, delivered") == true && !lines.contains { $0.contains("next:") })
        let reply = LedgerInterface.Earnings.Reply(days: [], jobs: [], sales: [sale])
        #expect(
            EarningsView.csv(reply, byJob: true).last?.hasSuffix(
                ",1280,2026-09-21T14:13:20Z,2026-09-21T14:14:20Z") == true)
    }
}
