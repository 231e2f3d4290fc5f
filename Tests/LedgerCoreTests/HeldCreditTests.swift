// Proves that credit whose payment is held is paid with the first accepted answer, or not at all: on both sides, whatever is
// repeated, left out or too late.

import Foundation
import GRDB
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

@Suite struct HeldCreditTests {
    @Test func theFirstAcceptedAnswerPays() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        #expect(try await nodes.states(hash) == ["held", "held"])
        #expect(nodes.network(hash)?.blocks == "144")
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds - HeldFixture.amount - 30_000)
        let reveal = try #require(try await nodes.run(1))
        // Nothing is the provider's own before the payment is taken.
        #expect(try await nodes.wallet(nodes.provider) == 0)
        #expect(nodes.network(hash)?.state == "ACCEPTED")
        for _ in 0..<2 { #expect(try await nodes.provider.serveCredit(reveal).state == "revealed") }
        #expect(try await nodes.states(hash) == ["revealed", "revealed"])
        await nodes.look(3)
        #expect(nodes.network(hash)?.state == "SETTLED" && nodes.network(hash)?.paid == 1)
        #expect(try await nodes.states(hash) == ["settled", "settled"])
        // What the job did not use is credit for the next ones.
        #expect(try await nodes.credit() == [HeldFixture.amount - 540, HeldFixture.amount - 540])
        #expect(try await nodes.wallet(nodes.provider) == 540)
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds - HeldFixture.amount - 7)
        #expect(try await nodes.run(2) == nil)
        #expect(try await nodes.credit() == [HeldFixture.amount - 1_080, HeldFixture.amount - 1_080])
        #expect(try await nodes.provider.serveCredit(reveal).state == "settled")
        try await nodes.requireSound()
    }

    @Test func withoutAnAcceptedAnswerItComesBack() async throws {
        for isSigned in [false, true] {
            let nodes = try HeldFixture()
            let hash = try await nodes.held()
            try await nodes.take(1, try await nodes.promise(1))
            // The answer is no good, or there is none: the client's side ends the promise, and nothing is revealed.
            if isSigned { _ = try await nodes.receipt(1) }
            _ = try await nodes.client.release(
                .init(job: ChannelFixture.job(1), peer: nodes.keys.provider, served: false))
            nodes.wait(CreditSection().holdSeconds)
            await nodes.look(10)
            #expect(nodes.network(hash)?.state == "CANCELED")
            #expect(try await nodes.states(hash) == ["back", "cancelled"])
            #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
            #expect(try await nodes.wallet(nodes.provider) == 0)
            #expect(try await nodes.credit() == [0, 0])
            #expect(
                try await nodes.client.ledger.reading { db in
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM reveal")
                } == 0)
            try await nodes.requireSound()
        }
    }

    @Test func oneJobAtATimeUntilItIsRevealed() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        let note = try await nodes.promise(1)
        #expect(try await nodes.promise(1) == note)
        #expect(CreditNote(text: note)?.held == hash)
        let second = WireError(.paymentRequired, "")
        await #expect(throws: second) { try await nodes.promise(2) }
        try await nodes.take(1, note)
        // A client of another make, with a note of its own for another job.
        let other = CreditNote(
            client: nodes.keys.client, provider: nodes.keys.provider, job: ChannelFixture.job(2),
            asset: HeldFixture.asset, ceiling: 20_000, held: hash, createdAt: nodes.now / 1000)
        let forged = String(
            decoding: try CanonicalJSON.encode(try nodes.client.key.sign(other.template)), as: UTF8.self)
        await #expect(throws: second) { try await nodes.take(2, forged) }
        let receipt = try await nodes.receipt(1)
        // Signed and not accepted is no reason to work on.
        await #expect(throws: second) { try await nodes.take(2, forged) }
        let reveal = try #require(try await nodes.client.accept(receipt).reveal)
        let next = try await nodes.promise(3)
        // The provider has not been told yet.
        await #expect(throws: second) { try await nodes.take(3, next) }
        _ = try await nodes.provider.serveCredit(reveal)
        try await nodes.take(3, next)
        await nodes.look(3)
        #expect(try await nodes.states(hash) == ["settled", "settled"])
        // What is still promised under it is charged later, and its rest follows.
        #expect(try await nodes.credit() == [HeldFixture.amount - 20_540, HeldFixture.amount - 20_540])
        let late = try await nodes.receipt(3)
        _ = try await nodes.client.accept(late)
        #expect(try await nodes.credit() == [HeldFixture.amount - 1_080, HeldFixture.amount - 1_080])
        #expect(try await nodes.wallet(nodes.provider) == 1_080)
        try await nodes.requireSound()
    }

    @Test func thePreimageStaysUntilAReceiptIsAccepted() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        let secret = try KnownInvoice.named("own-0")
        #expect(secret.digest == hash)
        try await nodes.take(1, try await nodes.promise(1))
        // SQLite itself refuses to let it out before, or for a job under no purchase, or another preimage.
        func insert(_ job: Int, _ preimage: [UInt8]) async throws {
            let event = try await nodes.client.ledger.reading { db in
                try String.fetchOne(db, sql: "SELECT event FROM purchase")
            }
            try await nodes.client.ledger.pool.write { db in
                try db.execute(
                    sql: "INSERT INTO reveal VALUES (?, ?, ?, ?, 0)",
                    arguments: [
                        Data(hash.bytes), Data(preimage), ChannelFixture.job(job).text, event,
                    ])
            }
        }
        await #expect(throws: DatabaseError.self) { try await insert(1, secret.secret) }
        let receipt = try await nodes.receipt(1)
        let reveal = try #require(try await nodes.client.accept(receipt).reveal)
        // The same acceptance again, and after a crash, brings the same.
        #expect(try await nodes.client.accept(receipt).reveal == reveal)
        #expect(!reveal.tags.joined().contains { $0.contains(secret.preimage) })
        // It is for the provider alone.
        let sealed = reveal.tags[1][2]
        let stranger = SecretKey.generate()
        #expect(throws: NIP44Error.self) {
            try NIP44.decrypt(sealed, try NIP44.ConversationKey(stranger, with: nodes.keys.client))
        }
        for statement in [
            "DELETE FROM purchase", "UPDATE reveal SET job = ''", "DELETE FROM reveal",
            "UPDATE due SET amount = 1",
        ] {
            await #expect(throws: DatabaseError.self) {
                for daemon in [nodes.client, nodes.provider] {
                    try await daemon.ledger.pool.write { db in try db.execute(sql: statement) }
                }
            }
        }
        try await nodes.requireSound()
    }

    @Test func nobodyPaysAndItIsOver() async throws {
        let nodes = try HeldFixture()
        try await nodes.funded()
        let request = try await nodes.ask()
        let answer = try await nodes.provider.serveCredit(request)
        let hash = try nodes.hash(request)
        // Asked again it is the same invoice.
        #expect(try await nodes.provider.serveCredit(request) == answer)
        #expect(try await nodes.states(hash) == ["drawn", "open"])
        nodes.wait(4_000)
        await nodes.look(3)
        #expect(try await nodes.states(hash) == ["back", "cancelled"])
        #expect(nodes.network(hash)?.state == "CANCELED")
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        await #expect(throws: WireError(.conflict, "")) { try await nodes.provider.serveCredit(request) }
        try await nodes.requireSound()
    }

    @Test func boundsHoldForWhatIsHeldToo() async throws {
        var section = CreditSection()
        (section.maxPrepaid, section.maxHeld) = (3_000_000, 5_000_000)
        let nodes = try HeldFixture(section)
        try await nodes.held()
        let second = try await nodes.ask(2_001_000)
        let answer = try await nodes.provider.serveCredit(second)
        let hash = try nodes.hash(second)
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.pay(answer, hash) }
        // Two are held or may come: a third is more than the provider holds of one client's.
        let third = try await nodes.ask(2_002_000)
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.provider.serveCredit(third) }
        let small = try await nodes.ask(9_000)
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.provider.serveCredit(small) }
        try await nodes.requireSound()
    }

    @Test func aPaymentMayBeUnderWayAsLongAsItMayBeHeld() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        // The client's own LND forgets: while it may be held that is no failure.
        nodes.services.client.lie.withLockedValue {
            $0 = { path, status, body in
                path.hasPrefix("/v2/router/track")
                    ? (404, #"{"code":5,"message":"not there"}"#) : (status, body)
            }
        }
        nodes.wait(3_700)
        _ = await nodes.client.lightning?.pass()
        #expect(try await nodes.states(hash)[0] == "held")
        #expect(try await nodes.wallet(nodes.client) < HeldFixture.funds)
        nodes.wait(HoldMachine.longest)
        _ = await nodes.client.lightning?.pass()
        #expect(try await nodes.states(hash)[0] == "back")
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        try await nodes.requireSound()
    }

    @Test func whatWasRevealedIsNotGivenUpOnAForgetfulWord() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        let reveal = try #require(try await nodes.run(1))
        nodes.services.client.lie.withLockedValue {
            $0 = { path, status, body in
                path.hasPrefix("/v2/router/track")
                    ? (404, #"{"code":5,"message":"not there"}"#) : (status, body)
            }
        }
        nodes.wait(3_600 + HoldMachine.longest + 100)
        _ = await nodes.client.lightning?.pass()
        #expect(try await nodes.states(hash)[0] == "revealed")
        // The provider's LND holds it still; it is taken however late.
        _ = try await nodes.provider.serveCredit(reveal)
        _ = await nodes.provider.lightning?.pass()
        nodes.services.client.lie.withLockedValue { $0 = nil }
        await nodes.look()
        #expect(try await nodes.states(hash) == ["settled", "settled"])
        try await nodes.requireSound()
    }

    @Test func aSignedReceiptWaitsThroughRestarts() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        try await nodes.take(1, try await nodes.promise(1))
        let receipt = try await nodes.receipt(1)
        // Another process of aggregator-d, and a job that is said to have failed: what is signed stays due.
        _ = try await nodes.provider.ledger.resume(process: Digest(hashing: "new"), keep: [], at: nodes.now)
        _ = try await nodes.provider.release(
            .init(job: ChannelFixture.job(1), peer: nodes.keys.client, served: true))
        let reveal = try #require(try await nodes.client.accept(receipt).reveal)
        _ = try await nodes.provider.serveCredit(reveal)
        await nodes.look()
        #expect(try await nodes.states(hash) == ["settled", "settled"])
        #expect(try await nodes.wallet(nodes.provider) == 540)
        try await nodes.requireSound()
    }

    @Test func theKeyIsNotRotatedWhileAnythingIsHeld() async throws {
        let nodes = try HeldFixture()
        try await nodes.held()
        for daemon in [nodes.client, nodes.provider] {
            await #expect(throws: WireError(.conflict, "")) { try await daemon.requireNothingTied() }
        }
    }

    @Test func anAccountThatCannotHoldSaysSo() async throws {
        let nodes = try CreditFixture()
        let request = try await nodes.client.askCredit(
            .init(
                provider: nodes.keys.provider, asset: CreditFixture.price.asset, amount: 2_000_000,
                held: true))
        let error = await #expect(throws: WireError(.policyRefused, "")) {
            try await nodes.provider.serveCredit(request)
        }
        #expect(
            error?.message.contains("holds no payments") == true && error?.fix?.contains("--held") == true)
        #expect(try await nodes.provider.ledger.openHolds("savings").isEmpty)
    }
}
