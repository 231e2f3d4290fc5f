// The kill matrix of Lightning: a real process is killed by SIGKILL at every boundary of paying an invoice and of booking
// one, and begins again. The backend is asked to pay at most once more, pays once, and the books say what it did.

import Foundation
import Glibc
import NodeModel
import Nostr
import Testing

@testable import LedgerCore
@testable import LedgerCrashChild

@Suite struct LightningKillTests {
    private func place(_ key: SecretKey) async throws -> DeedFixture {
        let place = try DeedFixture(key: key)
        let folder = BackendFolder(path: place.directory)
        let (invoice, own) = (try KnownInvoice.named("coffee-0"), try KnownInvoice.named("own-0"))
        for (name, text) in [
            ("invoice", invoice.text), ("preimage", invoice.preimage), ("own", own.text),
            ("own-preimage", own.preimage), ("own-amount", "\(own.amount ?? 0)"),
        ] { folder.append(text, to: name) }
        let asset = try LightningScript.account().asset
        let funds = Deed.deposit(LightningScript.funds, asset, from: "test")
        _ = try await place.open().perform(funds, id: "funds", at: KnownInvoice.made * 1000)
        return place
    }

    @Test(.timeLimit(.minutes(3)))
    func everyBoundarySurvivesAKill() async throws {
        let key = try #require(SecretKey(bytes: DeedScript.secret))
        let invoice = try #require(try KnownInvoice.named("coffee-0").amount)
        let own = try #require(try KnownInvoice.named("own-0").amount)
        let asset = try LightningScript.account().asset
        var (boundary, again) = (0, 0)
        let children = try ForkedChildren("LedgerCrashChild")
        while true {
            boundary += 1
            let place = try await place(key)
            let now = KnownInvoice.made * 1000 + 1_000
            let killed = try await children.run([place.directory, "lightning", "\(now)", "\(boundary)"])
            if killed.signal == 0 { break }
            try #require(killed.signal == SIGKILL && killed.lines == ["at \(boundary)"])
            // As long after as what had left could have been on its way.
            let later = try await children.run([place.directory, "lightning", "\(now + 31_000)", "0"])
            try #require(later.signal == 0, "boundary \(boundary)")
            let folder = BackendFolder(path: place.directory)
            #expect(folder.read("paid") == "paid\n", "boundary \(boundary)")
            let asked = folder.read("asked").split(separator: "\n").count
            try #require((1...2).contains(asked), "boundary \(boundary)")
            again += asked - 1
            let ledger = try place.open()
            #expect(try await ledger.payments(limit: 9).map(\.state) == [.settled], "boundary \(boundary)")
            #expect(try await ledger.invoices(limit: 9).map(\.state) == [.paid], "boundary \(boundary)")
            #expect(
                try await ledger.balance(of: Operation.wallet, asset)
                    == LightningScript.funds - invoice - LightningScript.fee + own, "boundary \(boundary)")
            #expect(try await ledger.audit().faults == [], "boundary \(boundary)")
        }
        // Every statement of asking, sending, settling, making and booking is one; nothing that was paid was sent again.
        #expect(boundary > 60 && again == 0)
        KillCount.add(boundary - 1, "Lightning")
        print("figure: Lightning: killed at each of \(boundary - 1) boundaries, paid and booked once")
    }
}
