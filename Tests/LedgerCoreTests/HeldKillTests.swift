// The kill matrix of held credit: a process with both ledgers is killed by SIGKILL at every boundary of drawing a hash, having an
// invoice made on it, paying it, drawing on it, revealing, taking and giving back, and begins again. What is paid is taken once
// with the accepted answer, what has none goes back, and the books of both say the same.

import Foundation
import GRDB
import Glibc
import NodeModel
import Nostr
import Testing

@testable import LedgerCore
@testable import LedgerCrashChild

@Suite struct HeldKillTests {
    /// A client with money, and a network that knows invoices on the hashes that it will draw.
    private func place(_ key: SecretKey) async throws -> DeedFixture {
        let place = try DeedFixture(key: key)
        for name in ["client", "provider"] {
            try FileManager.default.createDirectory(
                atPath: place.directory + "/" + name, withIntermediateDirectories: false)
            try LedgerTemplate.place(in: place.directory + "/" + name)
        }
        let folder = BackendFolder(path: place.directory)
        for number in HeldScript.numbers.joined() {
            let known = try KnownInvoice.named("own-\(number)")
            folder.append(known.preimage, to: "preimage-\(number)")
            folder.append(known.text, to: "invoice-\(known.hash)")
        }
        let ledger = try Ledger(path: place.directory + "/client/" + Ledger.fileName, key: key)
        _ = try await ledger.perform(
            .deposit(LightningScript.funds, try LightningScript.account().asset, from: "test"), id: "funds",
            at: LightningScript.made)
        return place
    }

    @Test(.timeLimit(.minutes(20)))
    func everyBoundarySurvivesAKill() async throws {
        let key = try #require(SecretKey(bytes: DeedScript.secret))
        let (kills, again) = try await KillWalk(
            script: "held", start: LightningScript.made + 1_000, place: { try await place(key) },
            check: { try await check($0, key, $1) }
        ).run()
        #expect(kills > 300 && again == 0)
        KillCount.add(kills, "held")
        print(
            "figure: held credit: killed at each of \(kills) boundaries, one purchase taken once, one back, both books agree"
        )
    }

    /// - Returns: how often an invoice was sent to be paid again.
    private func check(_ place: DeedFixture, _ key: SecretKey, _ at: Comment) async throws -> Int {
        let provider = try #require(SecretKey(bytes: CreditScript.provider))
        var again = 0
        let folder = BackendFolder(path: place.directory)
        var settled: [Int] = []
        for number in HeldScript.numbers.joined() {
            let hash = try KnownInvoice.named("own-\(number)").hash
            let paid = folder.read("paid-\(hash)")
            #expect(paid.isEmpty || paid == "paid\n", "\(at), \(number)")
            again += max(0, folder.read("asked-\(hash)").split(separator: "\n").count - 1)
            let isSettled = !folder.read("settled-\(hash)").isEmpty
            let isBack = !folder.read("cancelled-\(hash)").isEmpty
            #expect(!(isSettled && isBack), "\(at), \(number)")
            // Nothing stays under way.
            #expect(paid.isEmpty || isSettled != isBack, "\(at), \(number)")
            if isSettled { settled.append(number) }
        }
        try #require(settled.count == 1 && settled[0] < 2, at)
        try await check(place, key, provider, HeldScript.amount(settled[0]), at)
        return again
    }

    private func check(
        _ place: DeedFixture, _ key: SecretKey, _ provider: SecretKey, _ amount: Int64, _ at: Comment
    ) async throws {
        let asset = try LightningScript.account().asset
        let client = try Ledger(path: place.directory + "/client/" + Ledger.fileName, key: key)
        let other = try Ledger(path: place.directory + "/provider/" + Ledger.fileName, key: provider)
        for ledger in [client, other] {
            let credits = try await ledger.credits()
            try #require(credits.count == 1, at)
            #expect(credits[0].balance == amount - HeldScript.price, at)
            #expect(credits[0].charged == HeldScript.price && credits[0].open == 0, at)
            #expect(try await ledger.audit().faults == [], at)
            let (sum, open) = try await ledger.reading { db in
                (
                    try Int64.fetchOne(db, sql: "SELECT sum(amount) FROM posting"),
                    try Int64.fetchOne(
                        db,
                        sql: """
                            SELECT coalesce(sum(amount), 0) FROM posting
                            WHERE account GLOB 'held:*'
                            """)
                )
            }
            #expect(sum == 0 && open == 0, at)
        }
        #expect(
            try await client.balance(of: LedgerCore.Operation.wallet, asset)
                == LightningScript.funds - amount - LightningScript.fee, at)
        #expect(
            try await other.balance(of: LedgerCore.Operation.wallet, asset) == HeldScript.price,
            at)
        #expect(try await other.openHolds("savings").isEmpty, at)
    }
}
