// Proves that an invoice is paid once and settled by its preimage alone, that money comes back only when nothing can
// take it any more, and that invoices of this node's are booked once, when they are proven.

import Lightning
import NodeModel
import Testing
import Wire

@testable import LedgerCore

@Suite struct LightningRailTests {
    @Test func anInvoiceIsPaidOnceAndSettledByItsPreimage() async throws {
        let node = try LightningFixture()
        try await node.funded()
        #expect(try await node.ask("coffee-0").state == .asked)
        // Amount, and the ceiling of the fee: 10,000 and a hundredth.
        #expect(try await node.wallet() == LightningFixture.fund - 1_020_000)
        #expect(node.sent() == 0)
        await node.look()
        let paid = try await node.payment("coffee-0")
        #expect(try paid.state == .settled && paid.reason.contains(KnownInvoice.named("coffee-0").preimage))
        #expect(try await node.wallet() == LightningFixture.fund - 1_003_000)
        // The same invoice again is the same payment.
        #expect(try await node.ask("coffee-0").state == .settled)
        await node.look(3)
        #expect(try node.left("coffee-0") == 1 && node.sent() == 1)
        #expect(try await node.ledger.audit().faults == [])
        #expect(try await node.ledger.payments(limit: 9).count == 1)
    }

    @Test func whatMayNotBePaidIsRefusedBeforeAnythingIsSetAside() async throws {
        let node = try LightningFixture()
        try await node.funded()
        func refusal(_ name: String, _ amount: Int64? = nil) throws -> LightningRefusal? {
            do throws(LightningRefusal) {
                _ = try LightningTerms(
                    (try? KnownInvoice.named(name).text) ?? name, amount: amount, node.rail.account,
                    paysAnyAmount: amount == 7, now: node.now / 1000)
                return nil
            } catch { return error }
        }
        #expect(try refusal("lnbc1nonsense") == .malformed(.bech32(.badCharacter)))
        #expect(try refusal("testnet") == .otherNetwork("testnet"))
        #expect(try refusal("open") == .amountMissing)
        #expect(try refusal("open", 5) == .amountNotCarried)
        #expect(try refusal("open", 7) == nil)
        #expect(try refusal("coffee-0", 5) == .amountNamedTwice)
        node.wait(121)
        #expect(try refusal("brief") == .expired)
        await #expect(throws: WireError(.policyRefused, "")) { try await node.ask("brief") }
        // Above the ceiling of one payment, and beyond what there is.
        await #expect(throws: WireError(.policyRefused, "")) { try await node.ask("large") }
        for number in 0..<12 { _ = try? await node.ask("coffee-\(number)") }
        await #expect(throws: WireError.self) { try await node.ask("lnbc1nonsense") }
        #expect(try await node.ledger.payments(limit: 50).count == 12)
        #expect(node.sent() == 0)
    }

    @Test func silenceIsLookedUpAndNotAnsweredByPayingAgain() async throws {
        let node = try LightningFixture()
        try await node.funded()
        // It pays, and its answers are lost.
        node.service.change { $0.lie = { path, _, _ in path == "/api/v1/payments" ? nil : (404, "") } }
        _ = try await node.ask("coffee-1")
        await node.look(30)
        #expect(node.sent() == 0)
        node.service.change {
            $0.lie = { path, status, body in path == "/api/v1/payments" ? nil : (status, body) }
        }
        await node.look()
        #expect(try await node.payment("coffee-1").state == .handed && node.sent() == 1)
        await node.look()
        #expect(try await node.payment("coffee-1").state == .settled && node.sent() == 1)
    }

    @Test func whatNeverArrivedIsSentAgainWhenTheBackendKnowsNothingOfIt() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.holds = true }
        _ = try await node.ask("coffee-2")
        await node.look(6)
        #expect(node.sent() == 1)
        await node.look(2)
        #expect(node.sent() == 2)
        // Both arrive in the end.
        node.service.change { $0.holds = false }
        node.service.release()
        await node.look()
        #expect(try node.left("coffee-2") == 1)
        #expect(try await node.payment("coffee-2").state == .settled)
    }

    @Test func aPlainNoGivesTheMoneyBackAndTheInvoiceMayBeTriedAgain() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.manner = .refuses }
        _ = try await node.ask("coffee-3")
        await node.look()
        let failed = try await node.payment("coffee-3")
        #expect(failed.state == .failed && failed.reason.contains("Insufficient balance"))
        #expect(try await node.wallet() == LightningFixture.fund)
        node.service.change { $0.manner = .pays }
        #expect(try await node.ask("coffee-3").id.hasSuffix("-2"))
        await node.look()
        #expect(try await node.payment("coffee-3", attempt: 2).state == .settled)
        #expect(try node.left("coffee-3") == 1)
        #expect(try await node.ledger.audit().faults == [])
    }

    @Test func whatFailedOnTheWayComesBack() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.manner = .fails }
        _ = try await node.ask("coffee-4")
        await node.look()
        #expect(try await node.payment("coffee-4").state == .failed)
        // The failure of the first try says nothing about the second, which hangs in the carrier.
        node.service.change { state in
            state.manner = .pays
            state.holds = true
        }
        _ = try await node.ask("coffee-4")
        await node.look(5)
        #expect(try await node.payment("coffee-4", attempt: 2).state == .handed)
    }

    @Test func aPaymentUnderWayWaitsAndSurvivesRestarts() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.manner = .waits }
        _ = try await node.ask("coffee-5")
        await node.look()
        let again = try node.restarted()
        await again.look(40, every: 200)
        #expect(try await again.payment("coffee-5").state == .answered)
        // Another account's backend is never asked about it.
        let asked = node.service.change { $0.requests.count }
        let other = try node.restarted(name: "other")
        await other.look()
        #expect(node.service.change { $0.requests.dropFirst(asked) } == ["GET /api/v1/wallet"])
        let id = try await again.payment("coffee-5").id
        #expect(await other.rail.awaited[id]?.contains("savings") == true)
        node.service.complete()
        await again.look()
        #expect(try await again.payment("coffee-5").state == .settled)
        #expect(try node.left("coffee-5") == 1 && node.sent() == 1)
    }

    @Test func whatIsUnknownComesBackOnlyAfterTheInvoiceRanOut() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.holds = true }
        _ = try await node.ask("brief")
        for _ in 0..<15 {
            await node.look(1, every: 10)
            #expect(try await node.payment("brief").state == .handed)
        }
        await node.look()
        #expect(try await node.payment("brief").state == .failed)
        #expect(try await node.wallet() == LightningFixture.fund)
    }

    @Test func whatWasNotSentInTimeIsNotSent() async throws {
        let node = try LightningFixture()
        try await node.funded()
        _ = try await node.ask("brief")
        node.wait(130)
        await node.look()
        #expect(try await node.payment("brief").state == .failed && node.sent() == 0)
    }

    @Test func aFeeBeyondTheCeilingIsSaidAndNotBooked() async throws {
        let node = try LightningFixture()
        try await node.funded()
        node.service.change { $0.fee = 900_000 }
        _ = try await node.ask("coffee-6")
        await node.look()
        #expect(try await node.payment("coffee-6").reason.contains("fee 900000 msat, of which 20060"))
        #expect(try await node.wallet() == LightningFixture.fund - 1_006_000 - 20_060)
        #expect(try await node.ledger.audit().faults == [])
    }
}

@Suite struct LightningInvoicesTests {
    @Test func aPaidInvoiceIsBookedOnce() async throws {
        let node = try LightningFixture()
        let known = try KnownInvoice.named("own-0")
        let made = try await node.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
        #expect(made.text == known.text && made.hash == known.digest)
        await node.look(2)
        #expect(try await node.wallet() == 0)
        node.service.receive(known)
        await node.look(3)
        #expect(try await node.wallet() == 2_000_000)
        #expect(try await node.ledger.invoices(limit: 9).map(\.state) == [.paid])
        let again = try node.restarted()
        await again.look(2)
        #expect(try await again.wallet() == 2_000_000)
        // Its own invoice is not paid from here.
        await #expect(throws: WireError(.invalidParams, "")) { try await node.ask("own-0") }
        #expect(try await node.ledger.audit().faults == [])
    }

    @Test func theWordPaidAloneBooksNothing() async throws {
        let node = try LightningFixture()
        let known = try KnownInvoice.named("own-0")
        _ = try await node.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
        let details = ModelLNbits.text(known.hash, .init(amount: 2_000_000, status: "success", preimage: ""))
        let wrong = String(repeating: "0", count: 64)
        for preimage in ["null", "\"\"", "\"\(wrong)\"", "\"\(known.preimage.dropLast(2))\""] {
            node.service.change {
                $0.lie = { _, _, _ in (200, #"{"paid":true,"preimage":\#(preimage),"details":\#(details)}"#) }
            }
            await node.look()
            #expect(try await node.wallet() == 0)
            #expect(await node.rail.standing.ok == false)
        }
    }

    @Test func anInvoiceForSomethingElseIsNotGivenOut() async throws {
        let node = try LightningFixture()
        // Another amount, another memo, a text that is none, and one that is known already.
        await #expect(throws: WireError.self) { try await node.rail.makeInvoice(amount: 2_000, memo: "") }
        await #expect(throws: WireError.self) {
            try await node.rail.makeInvoice(amount: 2_001_000, memo: "else")
        }
        for amount in [0, -5, 1_500] as [Int64] {
            await #expect(throws: WireError(.invalidParams, "")) {
                try await node.rail.makeInvoice(amount: amount, memo: "")
            }
        }
        node.service.change { $0.lie = { _, _, _ in (201, #"{"bolt11":"lnbc1"}"#) } }
        await #expect(throws: WireError.self) { try await node.rail.makeInvoice(amount: 2_002_000, memo: "") }
        #expect(try await node.ledger.invoices(limit: 9) == [])
        let known = try KnownInvoice.named("own-5")
        node.service.change { $0.lie = { _, _, _ in (201, #"{"bolt11":"\#(known.text)"}"#) } }
        _ = try await node.rail.makeInvoice(amount: 2_005_000, memo: "")
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await node.rail.makeInvoice(amount: 2_005_000, memo: "")
        }
    }

    @Test func anInvoiceOfAnotherNodeIsNotGivenOut() async throws {
        let signer = try Invoice(try KnownInvoice.named("own-0").text).payee.description
        let node = try LightningFixture(payee: signer)
        _ = try await node.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
        // A key that is on the curve, and signed nothing.
        let other = try LightningFixture(
            payee: "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
        let error = await #expect(throws: WireError.self) {
            try await other.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
        }
        #expect(error?.cause?.contains("payee") == true)
        #expect(try await other.ledger.invoices(limit: 3) == [])
    }

    @Test func whatCanNoLongerBePaidIsNotAskedAboutForEver() async throws {
        let node = try LightningFixture()
        let known = try KnownInvoice.named("own-0")
        _ = try await node.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
        node.service.change { $0.payments[known.hash]?.status = "failed" }
        await node.look(2, every: 3_700)
        #expect(try await node.ledger.invoices(limit: 9).map(\.state) == [.open])
        node.wait(600)
        await node.look()
        #expect(try await node.ledger.invoices(limit: 9).map(\.state) == [.expired])
        #expect(try await node.ledger.audit().faults == [])
    }
}
