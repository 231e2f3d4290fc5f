// Proves that ledger-d opens keys and signs receipts for jobs that it knows to be taken, and for no others.

import GRDB
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct TakenJobTests {
    let fixture: LedgerFixture
    let daemon: LedgerDaemon
    let client = SecretKey.generate()

    init() throws {
        fixture = try LedgerFixture()
        daemon = try fixture.open()
    }

    private func unwrap(_ body: ReceiptBody, from sender: SecretKey? = nil) async throws -> String {
        let sender = sender ?? client
        let wrapped = try KeyWrapping(key: sender).wrap(
            String(repeating: "ab", count: 32), job: body.job, recipient: daemon.key.publicKey)
        return try await daemon.unwrap(
            LedgerInterface.UnwrapKey(job: body.job, sender: sender.publicKey, wrapped: wrapped)
        ).contentKey
    }

    private func refused(_ words: String, _ body: () async throws -> Void) async {
        let error = await #expect(throws: WireError.self) { try await body() }
        #expect(error?.code == .policyRefused && error?.message.contains(words) == true, "\(words)")
    }

    @Test func aKeyIsOpenedFromTakingToReceiptOnly() async throws {
        let body = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey)
        await refused("has not taken") { _ = try await unwrap(body) }
        #expect(try await !daemon.take(fixture.terms(body)).repeated)
        #expect(try await unwrap(body) == String(repeating: "ab", count: 32))
        // Another's job of the same id is another job.
        await refused("has not taken") { _ = try await unwrap(body, from: .generate()) }
        // A restart forgets nothing.
        #expect(try await fixture.open().take(fixture.terms(body)).repeated)
        fixture.time.withLockedValue { $0 += TakenJob.openFor * 1000 }
        #expect(try await unwrap(body).count == 64)
        fixture.time.withLockedValue { $0 += 1_000 }
        await refused("was taken 3601 s ago") { _ = try await unwrap(body) }
        fixture.time.withLockedValue { $0 -= 3_000_000 }
        _ = try await daemon.signReceipt(body)
        await refused("its receipt is signed") { _ = try await unwrap(body) }
    }

    @Test func aReceiptKeepsToTheTerms() async throws {
        let body = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey)
        await refused("has not taken") { _ = try await daemon.signReceipt(body) }
        var terms = fixture.terms(body)
        _ = try await daemon.take(terms)
        var longer = body
        longer.usage.completionTokens += 1
        longer.price += 2
        await refused("13 tokens, and 12 were agreed on") { _ = try await daemon.signReceipt(longer) }
        var dearer = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey, unit: 2)
        await refused("unit price") { _ = try await daemon.signReceipt(dearer) }
        dearer = body
        dearer.modelRoot = Digest(hashing: "another model")
        await refused("another model") { _ = try await daemon.signReceipt(dearer) }
        _ = try await daemon.signReceipt(body)
        // Taking it again on other terms is refused, however late.
        terms.maxTokens += 1
        let late = terms
        let error = await #expect(throws: WireError.self) { try await daemon.take(late) }
        #expect(error?.code == .conflict)
        #expect(try await daemon.ledger.audit().faults == [])
    }

    @Test func termsThatMakeNoSenseAreRefused() async throws {
        let right = fixture.terms(try fixture.body(provider: daemon.key.publicKey, client: client.publicKey))
        let cases: [(String, (inout TakenJob) -> Void)] = [
            ("client", { $0.client = daemon.key.publicKey }),
            ("client", { $0.client = PublicKey(bytes: [UInt8](repeating: 0, count: 32)) ?? $0.client }),
            ("unit_price", { $0.unitPrice.prompt = -1 }), ("max_tokens", { $0.maxTokens = 0 }),
            ("max_tokens", { $0.maxTokens = SigningPolicy.longestAnswer + 1 }),
            ("unit_price.asset", { $0.unitPrice.asset = DeedFixture.usdc }),
        ]
        for (field, change) in cases {
            var wrong = right
            change(&wrong)
            let terms = wrong
            await refused("'\(field)'") { _ = try await daemon.take(terms) }
        }
    }

    @Test func anAuditSeesTermsThatWereChanged() async throws {
        let body = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey)
        _ = try await fixture.issued(daemon, body)
        var other = fixture.terms(body)
        other.unitPrice.completion += 1
        let json = String(decoding: try CanonicalJSON.encode(other), as: UTF8.self)
        await #expect(throws: DatabaseError.self) {
            try await daemon.ledger.pool.write { db in try db.execute(sql: "DELETE FROM taken") }
        }
        try await daemon.ledger.pool.write { db in
            try db.execute(sql: "DROP TRIGGER taken_no_update")
            try db.execute(sql: "UPDATE taken SET terms = CAST(? AS BLOB)", arguments: [json])
        }
        let faults = try await daemon.ledger.audit().faults
        #expect(faults.count == 1 && faults.first?.contains("unit price") == true)
    }
}
