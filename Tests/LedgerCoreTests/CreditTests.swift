// Proves that jobs on Lightning are paid from credit that was paid before: bought by an invoice that the provider signed for,
// drawn on by notes that the client signed, charged once, and paid back once; whatever is repeated, forged or left out.

import Foundation
import GRDB
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

@Suite struct CreditTests {
    /// An event that another signed than its author.
    private static func forged(_ template: EventTemplate, by signer: SecretKey) throws -> SignedEvent {
        let signed = try signer.sign(
            EventTemplate(
                pubkey: signer.publicKey, createdAt: template.createdAt, kind: template.kind,
                tags: template.tags))
        return SignedEvent(
            id: Hex.encode(template.computedID()), pubkey: template.pubkey, createdAt: signed.createdAt,
            kind: signed.kind, tags: signed.tags, content: "", sig: signed.sig)
    }

    @Test func creditIsBoughtDrawnOnAndBookedOnBothSides() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        #expect(try await nodes.wallet(nodes.client) == CreditFixture.funds - 2_000_000 - 7)
        // What is owed is not the provider's own.
        #expect(try await nodes.wallet(nodes.provider) == 0)
        for job in 1...3 { try await nodes.run(job) }
        let (own, theirs) = (try await nodes.credit(nodes.client), try await nodes.credit(nodes.provider))
        #expect(own.id == theirs.id && !own.isPayee && theirs.isPayee)
        for side in [own, theirs] {
            #expect(side.charged == 1_620 && side.open == 0 && side.balance == 2_000_000 - 1_620)
        }
        #expect(try await nodes.wallet(nodes.provider) == 1_620)
        let earned = try await nodes.provider.ledger.balance()
        #expect(earned.totals.first { $0.asset == CreditFixture.price.asset }?.earned == 1_620)
        // The same acceptance again, and the same receipt, book nothing.
        let receipt = try await nodes.receipt(3)
        _ = try await nodes.client.accept(receipt)
        #expect(try await nodes.credit(nodes.client).charged == 1_620)
        try await nodes.requireSound()
    }

    @Test func whatIsUnderWayIsSetAsideOnBothSides() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        let note = try await nodes.promise(1)
        // Asked again it is the same note; on other terms it is a conflict.
        #expect(try await nodes.promise(1) == note)
        await #expect(throws: WireError(.conflict, "")) { try await nodes.promise(1, 30_000) }
        try await nodes.take(1, note)
        try await nodes.take(1, note)
        for side in [nodes.client, nodes.provider] {
            let credit = try await nodes.credit(side)
            #expect(credit.open == 20_000 && credit.balance == 1_980_000)
        }
        for (side, peer, served) in [
            (nodes.client, nodes.keys.provider, false), (nodes.provider, nodes.keys.client, true),
        ] {
            for _ in 0..<2 {
                _ = try await side.release(.init(job: ChannelFixture.job(1), peer: peer, served: served))
            }
            let credit = try await nodes.credit(side)
            #expect(credit.open == 0 && credit.balance == 2_000_000 && credit.charged == 0)
        }
        // What is over is not promised again, and no receipt is charged to it.
        await #expect(throws: WireError(.conflict, "")) { try await nodes.promise(1) }
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.receipt(1) }
        try await nodes.requireSound()
    }

    @Test func withoutCreditNothingIsPromisedNorTaken() async throws {
        let nodes = try CreditFixture()
        let refusal = await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(1) }
        #expect(refusal?.fix?.contains("wallet credit open") == true)
        try await nodes.bought()
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(1, 2_000_010) }
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, nil) }
        // A note of the client's own pen, beyond what it paid: the provider's books have the last word.
        let note = CreditNote(
            client: nodes.keys.client, provider: nodes.keys.provider, job: ChannelFixture.job(1),
            asset: CreditFixture.price.asset, ceiling: 3_000_000, createdAt: nodes.now / 1000)
        let signed = try nodes.client.key.sign(note.template)
        let text = String(decoding: try CanonicalJSON.encode(signed), as: UTF8.self)
        let short = await #expect(throws: WireError(.paymentRequired, "")) {
            try await nodes.take(1, text, 2_000_010)
        }
        #expect(short?.message.contains("2000000") == true)
        await #expect(throws: WireError.self) { try await nodes.receipt(1) }
        try await nodes.requireSound()
    }

    @Test func aNoteIsForOneJobOfOneClientWithOneProvider() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        let note = try await nodes.promise(1)
        let thief = SecretKey.generate()
        for (job, ceiling, client) in [
            (2, 20_000, nil), (1, 20_010, nil), (1, 20_000, thief.publicKey),
        ] as [(Int, Int64, PublicKey?)] {
            await #expect(throws: WireError(.paymentRequired, "")) {
                try await nodes.take(job, note, ceiling, from: client)
            }
        }
        // One that the thief signs in the client's name, and one changed on the way.
        let forged = CreditNote(
            client: nodes.keys.client, provider: nodes.keys.provider, job: ChannelFixture.job(1),
            asset: CreditFixture.price.asset, ceiling: 20_000, createdAt: nodes.now / 1000)
        let event = try Self.forged(forged.template, by: thief)
        let bad = String(decoding: try CanonicalJSON.encode(event), as: UTF8.self)
        for text in [bad, note.replacing("\"20000\"", with: "\"20009\""), note + " ", "", "{}"] {
            await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, text) }
        }
        try await nodes.take(1, note)
        try await nodes.requireSound()
    }

    @Test func onlyTheInvoiceThatTheProviderSignedForIsPaid() async throws {
        let nodes = try CreditFixture()
        try await nodes.funded()
        let answer = try await nodes.offered(2_000_000)
        let offer = try #require(answer.offer)
        // While it is open it is the same one.
        #expect(try await nodes.offered(2_000_000) == answer)
        // ws-d's own invoice in its place, an offer by somebody else, one for another client.
        let other = try KnownInvoice.named("own-1").text
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.pay(CreditAnswer(offer: offer, invoice: other))
        }
        let thief = SecretKey.generate()
        var read = try #require(CreditOffer(offer))
        read.provider = thief.publicKey
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.pay(CreditAnswer(offer: try thief.sign(read.template), invoice: answer.invoice))
        }
        var foreign = try #require(CreditOffer(offer))
        foreign.client = thief.publicKey
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.pay(
                CreditAnswer(offer: try nodes.provider.key.sign(foreign.template), invoice: answer.invoice))
        }
        #expect(try await nodes.wallet(nodes.client) == CreditFixture.funds)
        let payment = try await nodes.pay(answer)
        #expect(try await nodes.pay(answer).id == payment.id)
        // Nor is it paid as anything else.
        await #expect(throws: WireError(.conflict, "")) {
            try await nodes.client.payInvoice(.init(invoice: try #require(answer.invoice)))
        }
        await nodes.look()
        #expect(nodes.services.client.change { $0.left.values.reduce(0, +) } == 1)
        #expect(try await nodes.credit(nodes.client).balance == 2_000_000)
        // The provider's books wait for its own account.
        #expect(try await nodes.provider.shownCredits().credits.isEmpty)
        nodes.services.provider.receive(try KnownInvoice.named("own-0"))
        await nodes.look()
        #expect(try await nodes.credit(nodes.provider).balance == 2_000_000)
        try await nodes.requireSound()
    }

    @Test func anotherInvoiceForTheSameAmountIsNotPaid() async throws {
        let nodes = try CreditFixture()
        try await nodes.funded()
        let coming = [try KnownInvoice.named("coffee-0")]
        nodes.services.provider.change { $0.coming = coming }
        let answer = try await nodes.offered(1_000_000)
        let other = try KnownInvoice.named("brief")
        #expect(other.amount == 1_000_000)
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.pay(CreditAnswer(offer: answer.offer, invoice: other.text))
        }
        #expect(try await nodes.wallet(nodes.client) == CreditFixture.funds)
    }

    @Test func whatIsPaidAheadIsBoundedOnBothSides() async throws {
        var section = CreditSection()
        (section.maxPrepaid, section.maxHeld) = (4_000_000, 5_000_000)
        let nodes = try CreditFixture(section)
        try await nodes.bought()
        // The second invoice fits into what the provider holds, and not into what the client risks.
        let second = try await nodes.offered(2_001_000)
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.pay(second) }
        // A third is more than the provider holds of one client's, counting the one that is open.
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.offered(2_002_000) }
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.offered(9_000) }
        try await nodes.requireSound()
    }

    @Test func oneClientHasFewInvoicesOpen() async throws {
        let nodes = try CreditFixture()
        for number in 0..<3 { _ = try await nodes.offered(2_000_000 + 1_000 * Int64(number)) }
        await #expect(throws: WireError(.tooManyRequests, "")) { try await nodes.offered(2_003_000) }
        // The backend was not even asked for one.
        #expect(nodes.services.provider.change { $0.requests.count { $0 == "POST /api/v1/payments" } } == 3)
        // Those that are open are given again; and the next when one is paid.
        _ = try await nodes.offered(2_001_000)
        nodes.services.provider.receive(try KnownInvoice.named("own-0"))
        await nodes.look(1)
        #expect(try await nodes.offered(2_003_000).offer != nil)
        try await nodes.requireSound()
    }

    @Test func whatIsLeftIsPaidBackOnce() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        try await nodes.buy("own-1")
        try await nodes.run(1)
        let before = try await nodes.wallet(nodes.client)
        // As much as the client's next invoice is for, and what its way may cost.
        let own = try KnownInvoice.named("own-3")
        let whole: Int64 = 2_003_000 + 30_030
        let request = try await nodes.client.withdrawCredit(
            .init(provider: nodes.keys.provider, amount: whole))
        #expect(try await nodes.client.withdrawCredit(.init(provider: nodes.keys.provider)) == request)
        #expect(try await nodes.credit(nodes.client).returning == whole)
        let first = try await nodes.provider.serveCredit(request)
        #expect(first.state == "asked")
        #expect(try await nodes.credit(nodes.provider).returning == whole)
        // Jobs cannot draw on what is on its way.
        await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.promise(2, 2_000_000) }
        await nodes.look(2)
        #expect(try await nodes.provider.serveCredit(request).state == "settled")
        nodes.services.client.receive(own)
        await nodes.look(2)
        #expect(nodes.services.provider.change { $0.left[own.hash] } == 1)
        #expect(try await nodes.wallet(nodes.client) == before + 2_003_000)
        let (own0, theirs) = (try await nodes.credit(nodes.client), try await nodes.credit(nodes.provider))
        #expect(own0.balance == 4_001_000 - 540 - whole && own0.returning == 0)
        // What the way did not cost stays with the client's credit.
        #expect(theirs.balance == 4_001_000 - 540 - 2_003_000 - 7 && theirs.returning == 0)
        #expect(try await nodes.wallet(nodes.provider) == 540)
        try await nodes.requireSound()
    }

    @Test func nobodyElseGetsItAndNobodyGetsMoreThanThereIs() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        let thief = SecretKey.generate()
        let invoice = try KnownInvoice.named("coffee-1")
        func ask(_ signer: SecretKey, as client: PublicKey, _ amount: Int64, fee: Int64 = 20_000) throws
            -> SignedEvent
        {
            let request = CreditRequest(
                client: client, provider: nodes.keys.provider, asset: CreditFixture.price.asset,
                wish: .back(amount, fee: fee, invoice: invoice.text), createdAt: nodes.now / 1000)
            return signer.publicKey == client
                ? try signer.sign(request.template) : try Self.forged(request.template, by: signer)
        }
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.provider.serveCredit(try ask(thief, as: nodes.keys.client, 1_001_000))
        }
        // In the thief's own name there is nothing; nor is the invoice another amount's; nor more than all of it.
        await #expect(throws: WireError(.policyRefused, "")) {
            try await nodes.provider.serveCredit(try ask(thief, as: thief.publicKey, 1_001_000))
        }
        await #expect(throws: WireError(.verificationFailed, "")) {
            try await nodes.provider.serveCredit(
                try ask(nodes.client.key, as: nodes.keys.client, 1_000_000))
        }
        await #expect(throws: WireError(.policyRefused, "")) {
            try await nodes.provider.serveCredit(
                try ask(nodes.client.key, as: nodes.keys.client, 1_001_000, fee: 999_001))
        }
        let old = try ask(nodes.client.key, as: nodes.keys.client, 1_001_000)
        nodes.wait(CreditRequest.longestLife + 10)
        await #expect(throws: WireError.self) { try await nodes.provider.serveCredit(old) }
        #expect(nodes.services.provider.change { $0.left.isEmpty })
        try await nodes.requireSound()
    }

    @Test func whatTheProviderDoesNotPayComesBackToTheCredit() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        nodes.services.provider.change { $0.manner = .refuses }
        // The client's invoice out of its turn: the credit is not enough for the one that comes.
        let coming = [try KnownInvoice.named("coffee-2")]
        nodes.services.client.change { $0.coming = coming }
        let whole: Int64 = 1_002_000 + 20_020
        let request = try await nodes.client.withdrawCredit(
            .init(provider: nodes.keys.provider, amount: whole))
        _ = try await nodes.provider.serveCredit(request)
        await nodes.look(3)
        #expect(try await nodes.provider.serveCredit(request).state == "asked")
        await nodes.look(3)
        #expect(try await nodes.credit(nodes.provider).balance == 2_000_000)
        // The client gets its own back when nobody can pay the invoice any more.
        #expect(try await nodes.credit(nodes.client).returning == whole)
        nodes.services.client.change { $0.payments[coming[0].hash]?.status = "failed" }
        nodes.wait(3_600 + 700)
        await nodes.look(2)
        #expect(try await nodes.credit(nodes.client).balance == 2_000_000)
        try await nodes.requireSound()
    }

    @Test func theSchemaItselfRefusesWhatWasNotPaid() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        let id = Data(try #require(Digest(hex: try await nodes.credit(nodes.client).id)).bytes)
        for daemon in [nodes.client, nodes.provider] {
            let error = await #expect(throws: DatabaseError.self) {
                try await daemon.ledger.pool.write { db in
                    try db.execute(
                        sql: """
                            INSERT INTO pledge (channel, job, amount, at, quote)
                            SELECT ?, ?, 5, 0, id FROM event LIMIT 1
                            """, arguments: [id, ChannelFixture.job(9).text])
                }
            }
            #expect(error?.message?.contains("set aside") == true)
        }
        _ = try await nodes.promise(3)
        for statement in [
            "DELETE FROM credit_offer", "UPDATE credit_offer SET amount = 5", "DELETE FROM note",
            "UPDATE note SET event = ''",
        ] {
            await #expect(throws: DatabaseError.self) {
                try await nodes.client.ledger.pool.write { db in try db.execute(sql: statement) }
            }
        }
    }

    @Test func aCreditThatWasTamperedWithIsFound() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        try await nodes.run(1)
        try await nodes.client.ledger.pool.write { db in
            for trigger in try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'credit_offer'"
            ) { try db.execute(sql: "DROP TRIGGER \(trigger)") }
            try db.execute(sql: "UPDATE credit_offer SET amount = amount + 1")
        }
        #expect(try await nodes.client.ledger.audit().faults.count == 1)
    }

    @Test func theKeyIsNotRotatedWhileCreditIsLeft() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        for daemon in [nodes.client, nodes.provider] {
            await #expect(throws: WireError(.conflict, "")) { try await daemon.requireNothingTied() }
        }
    }

    @Test func promisesEndWithAgeAndWithARestart() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        try await nodes.take(1, try await nodes.promise(1))
        nodes.wait(5)
        #expect(
            try await nodes.provider.ledger.resume(
                process: Digest(hashing: "another"), keep: [], at: nodes.now) == 1)
        #expect(try await nodes.credit(nodes.provider).open == 0)
        #expect(try await nodes.credit(nodes.client).open == 20_000)
        nodes.wait(27 * 3_600)
        await nodes.look(1)
        #expect(try await nodes.credit(nodes.client).open == 0)
        try await nodes.requireSound()
    }
}
