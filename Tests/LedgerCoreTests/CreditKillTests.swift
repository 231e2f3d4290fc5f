// The kill matrix of credit: a process with both ledgers is killed by SIGKILL at every boundary of buying credit, drawing on
// it, charging it, ending a promise and having a part back, and begins again. Each of the two invoices is paid once, and the
// books of both say the same.

import Foundation
import Glibc
import NodeModel
import Nostr
import Testing

@testable import LedgerCore
@testable import LedgerCrashChild

@Suite struct CreditKillTests {
    /// A client with money, and two backends that know what the other's invoice is paid with.
    private func place(_ key: SecretKey) async throws -> DeedFixture {
        let place = try DeedFixture(key: key)
        let (theirs, own) = (try KnownInvoice.named("own-0"), try KnownInvoice.named("coffee-0"))
        for (name, made, paid) in [("client", own, theirs), ("provider", theirs, own)] {
            let path = place.directory + "/" + name
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try LedgerTemplate.place(in: path)
            let folder = BackendFolder(path: path)
            for (file, text) in [
                ("own", made.text), ("own-preimage", made.preimage), ("preimage", paid.preimage),
            ] { folder.append(text, to: file) }
        }
        let ledger = try Ledger(path: place.directory + "/client/" + Ledger.fileName, key: key)
        let asset = try LightningScript.account().asset
        _ = try await ledger.perform(
            .deposit(LightningScript.funds, asset, from: "test"), id: "funds", at: LightningScript.made)
        return place
    }

    @Test(.timeLimit(.minutes(5)))
    func everyBoundarySurvivesAKill() async throws {
        let key = try #require(SecretKey(bytes: DeedScript.secret))
        let (kills, again) = try await KillWalk(
            script: "credit", start: LightningScript.made + 1_000, place: { try await place(key) },
            check: { try await check($0, key, $1) }
        ).run()
        #expect(kills > 200 && again == 0)
        KillCount.add(kills, "credit")
        print(
            "figure: credit: killed at each of \(kills) boundaries, two invoices paid once, both books agree"
        )
    }

    /// - Returns: how often an invoice was sent to be paid again.
    private func check(_ place: DeedFixture, _ key: SecretKey, _ at: Comment) async throws -> Int {
        let provider = try #require(SecretKey(bytes: CreditScript.provider))
        let asset = try LightningScript.account().asset
        var again = 0
        for name in ["client", "provider"] {
            let folder = BackendFolder(path: place.directory + "/" + name)
            #expect(folder.read("paid") == "paid\n", at)
            let asked = folder.read("asked").split(separator: "\n").count
            try #require((1...2).contains(asked), at)
            again += asked - 1
        }
        let client = try Ledger(path: place.directory + "/client/" + Ledger.fileName, key: key)
        let other = try Ledger(path: place.directory + "/provider/" + Ledger.fileName, key: provider)
        let fee = LightningScript.fee
        let (own, theirs) = (try await client.credits(), try await other.credits())
        try #require(own.count == 1 && theirs.count == 1, at)
        let left = CreditScript.bought - CreditScript.price - CreditScript.back
        #expect(own[0].balance == left - CreditScript.wayBack, at)
        #expect(theirs[0].balance == left - fee, at)
        for credit in own + theirs {
            #expect(credit.open == 0 && credit.returning == 0, at)
            #expect(credit.charged == CreditScript.price, at)
        }
        #expect(
            try await client.balance(of: LedgerCore.Operation.wallet, asset)
                == LightningScript.funds - CreditScript.bought - fee + CreditScript.back, at)
        #expect(try await other.balance(of: LedgerCore.Operation.wallet, asset) == CreditScript.price, at)
        for ledger in [client, other] { #expect(try await ledger.audit().faults == [], at) }
        return again
    }
}
