// Proves that ledger-d speaks only of work that a provider signed for: well of jobs that it accepted, ill of any.

import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct EvidenceTests {
    let fixture: LedgerFixture
    let provider = SecretKey.generate()

    init() throws { fixture = try LedgerFixture() }

    private func foil(_ receipt: SignedEvent, by key: SecretKey? = nil) throws -> String {
        var foil = try #require(Counterfoil(receipt, try ReceiptBody(receipt)))
        if let key { foil.provider = key.publicKey }
        return try (key ?? provider).sign(foil.template).sig
    }

    private func refusal(
        _ daemon: LedgerDaemon, _ receipt: SignedEvent, _ foil: String, _ outcome: Evidence.Outcome
    ) async -> ErrorCode? {
        await #expect(throws: WireError.self) {
            try await daemon.signEvidence(.init(receipt: receipt, counterfoil: foil, outcome: outcome))
        }?.code
    }

    @Test func theWordFollowsTheBooks() async throws {
        let daemon = try fixture.open()
        let receipt = try fixture.receipt(provider, client: daemon.key.publicKey)
        let foil = try foil(receipt)
        #expect(await refusal(daemon, receipt, foil, .ok) == .policyRefused)
        let wrong = try await daemon.signEvidence(.init(receipt: receipt, counterfoil: foil, outcome: .wrong))
        #expect(Evidence(wrong)?.outcome == .wrong)
        _ = try await daemon.accept(receipt)
        // Its answer may be found wrong later.
        let late = try await daemon.signEvidence(.init(receipt: receipt, counterfoil: foil, outcome: .wrong))
        #expect(Evidence(late)?.outcome == .wrong)
        let event = try await daemon.signEvidence(.init(receipt: receipt, counterfoil: foil, outcome: .ok))
        let evidence = try #require(Evidence(event))
        #expect(evidence.outcome == .ok && evidence.rater == daemon.key.publicKey)
        #expect(evidence.subject == provider.publicKey && evidence.counterfoil.price == 54)
        #expect(evidence.createdAt == fixture.now && evidence.counterfoil.receipt.hex == receipt.id)
        // Another receipt for the same job was not accepted.
        var body = try ReceiptBody(receipt)
        body.resultHash = Digest(hashing: "other")
        let other = try provider.sign(try body.template())
        #expect(await refusal(daemon, other, try self.foil(other), .ok) == .policyRefused)
    }

    @Test func strangersWorkAndForgeriesAreRefused() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let receipt = try fixture.receipt(provider, client: own)
        #expect(
            await refusal(daemon, receipt, try foil(receipt, by: SecretKey.generate()), .wrong)
                == .verificationFailed)
        #expect(await refusal(daemon, receipt, receipt.sig, .wrong) == .verificationFailed)
        #expect(await refusal(daemon, receipt, "zz", .wrong) == .verificationFailed)
        let elsewhere = try fixture.receipt(provider, client: SecretKey.generate().publicKey)
        #expect(await refusal(daemon, elsewhere, try foil(elsewhere), .wrong) == .policyRefused)
        let mine = try daemon.key.sign(try fixture.body(provider: own, client: own).template())
        #expect(await refusal(daemon, mine, receipt.sig, .wrong) == .policyRefused)
        fixture.time.withLockedValue { $0 += (SigningPolicy.oldestJob + 1) * 1000 }
        #expect(await refusal(daemon, receipt, try foil(receipt), .wrong) == .policyRefused)
    }

    @Test func aCounterfoilIsOfAReceiptOfThisNode() async throws {
        let daemon = try fixture.open()
        let client = SecretKey.generate()
        let body = try fixture.body(provider: daemon.key.publicKey, client: client.publicKey)
        let receipt = try await fixture.issued(daemon, body)
        let signature = try daemon.signCounterfoil(receipt).signature
        let foil = try #require(Counterfoil(receipt, body))
        #expect(foil.isSigned(try #require(Hex.decode(signature, count: 64))))
        let foreign = try fixture.receipt(provider, client: client.publicKey)
        #expect(throws: WireError.self) { try daemon.signCounterfoil(foreign) }
        let forged = SignedEvent(
            id: receipt.id, pubkey: receipt.pubkey, createdAt: receipt.createdAt, kind: receipt.kind,
            tags: receipt.tags, content: receipt.content, sig: foreign.sig)
        #expect(throws: WireError.self) { try daemon.signCounterfoil(forged) }
        let itself = try daemon.key.sign(
            try fixture.body(provider: daemon.key.publicKey, client: daemon.key.publicKey).template())
        #expect(throws: WireError.self) { try daemon.signCounterfoil(itself) }
    }
}
