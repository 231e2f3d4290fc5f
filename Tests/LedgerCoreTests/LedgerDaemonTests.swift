// Proves ledger-d as its siblings meet it: over a socket, with the real grants, and with honest checks.

import DaemonKit
import GRDB
import Glibc
import IPC
import Interfaces
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerCore

@Suite struct LedgerDaemonTests {
    let fixture: LedgerFixture
    let daemon: LedgerDaemon
    let server: LoopbackServer
    let stranger = SecretKey.generate()

    init() async throws {
        fixture = try LedgerFixture()
        let daemon = try fixture.open()
        self.daemon = daemon
        server = try await LoopbackServer(.ledger, runDirectory: fixture.directory.path) {
            daemon.routes(&$0)
        }
    }

    @Test func aRemoteJobFromKeyToEarning() async throws {
        let aggregator = server.link(as: .aggregator)
        let identity = try await aggregator.call(LedgerInterface.Identity())
        #expect(identity.pubkey == daemon.key.publicKey && identity.npub == daemon.key.publicKey.npub)

        let body = try fixture.body(provider: identity.pubkey, client: stranger.publicKey)
        let secret = Hex.encode(ContentKey().bytes)
        let wrapped = try KeyWrapping(key: stranger).wrap(secret, job: body.job, recipient: identity.pubkey)
        let terms = LedgerInterface.TakeJob(
            job: body.job, client: body.client, modelRoot: body.modelRoot, unitPrice: body.unitPrice,
            maxTokens: 64)
        #expect(try await !aggregator.call(terms).repeated)
        #expect(try await aggregator.call(terms).repeated)
        let unwrapped = try await server.link(as: .exec).call(
            LedgerInterface.UnwrapKey(job: body.job, sender: stranger.publicKey, wrapped: wrapped))
        #expect(unwrapped.contentKey == secret)

        let receipt = try await aggregator.call(LedgerInterface.SignReceipt(body: body))
        let bundle = try fixture.acceptance(stranger, of: receipt)
        #expect(try await !aggregator.call(LedgerInterface.RecordAcceptance(bundle: bundle)).repeated)
        let ctl = server.link(as: .ctl)
        #expect(try await ctl.call(LedgerInterface.Balance()).credits.earned == 54)
        #expect(try await ctl.call(LedgerInterface.History()).transfers.map(\.operation) == ["earn"])
        // The file a person keeps is made of what the ledger stored.
        #expect(try ReceiptFile.verify(try ReceiptFile.encode(bundle)).body == body)
    }

    @Test func aCardAndAProofAreSigned() async throws {
        let card = ProviderCard(
            provider: daemon.key.publicKey, endpoint: "ws://127.0.0.3:9103/peer", models: [], device: "cpu",
            memoryMiB: 1, slots: 1, load: 0, createdAt: fixture.now, expiresAt: fixture.now + 60)
        let signed = try await server.link(as: .aggregator).call(LedgerInterface.SignCard(card: card))
        try signed.verify()
        #expect(ProviderCard(signed) == card)
        let challenge = PeerAuthentication.newChallenge()
        let proof = try await server.link(as: .ws).call(
            LedgerInterface.SignPeerAuth(
                challenge: challenge, peer: stranger.publicKey, endpoint: "ws://127.0.0.3:9103/peer",
                dialer: false))
        let expected = try #require(
            PeerAuthentication(
                endpoint: "ws://127.0.0.3:9103/peer", challenge: challenge, reader: stranger.publicKey,
                side: .listener))
        #expect(try expected.check(proof, author: nil, now: fixture.now) == daemon.key.publicKey)
    }

    @Test func whoHasNoGrantIsRefused() async throws {
        // The network's process can neither pay, nor sign receipts, nor unwrap keys.
        let receipt = try fixture.receipt(stranger, client: daemon.key.publicKey)
        let ws = server.link(as: .ws)
        let error = await #expect(throws: WireError.self) {
            try await ws.call(LedgerInterface.AcceptReceipt(receipt: receipt))
        }
        #expect(error?.code == .notPermitted)
        #expect(try await daemon.ledger.balance().transfers == 0)
    }

    @Test func refusalsAreCountedByReason() async throws {
        let aggregator = server.link(as: .aggregator)
        let receipt = try fixture.receipt(stranger, client: SecretKey.generate().publicKey)
        let error = await #expect(throws: WireError.self) {
            try await aggregator.call(LedgerInterface.AcceptReceipt(receipt: receipt))
        }
        #expect(error?.code == .policyRefused)
        _ = try await aggregator.call(LedgerInterface.Identity())
        let text = fixture.metrics.text()
        #expect(
            text.contains(
                #"infernet_ledger_refusals_total{intent="accept_receipt",reason="policy_refused"} 1"#))
        #expect(text.contains(#"infernet_ledger_intents_total{intent="identity"} 1"#))
    }

    @Test func checksAreHonest() async throws {
        #expect(await daemon.checks().map(\.name) == ["key", "ledger", "disk"])
        #expect(daemon.checkKey().ok)
        #expect(await daemon.checkLedger().ok)
        chmod(fixture.keyPath, 0o644)
        let wrong = daemon.checkKey()
        #expect(!wrong.ok && wrong.fix?.contains("chmod 600") == true)
        unlink(fixture.keyPath)
        #expect(!daemon.checkKey().ok)
        try await daemon.ledger.pool.write { db in
            try db.execute(sql: "DROP TRIGGER transfer_no_delete")
            try db.execute(sql: "INSERT INTO event (id, json) VALUES ('e', x'00')")
            try db.execute(
                sql:
                    "INSERT INTO operation (id, kind, job, at, receipt, acceptance) VALUES ('o', 'issue', 'j', 0, 'e', NULL)"
            )
            try db.execute(sql: "INSERT INTO transfer VALUES (1, 'o', 'x', 0, 0, 'a')")
        }
        let broken = await daemon.checkLedger()
        #expect(!broken.ok && broken.reason.contains("outside the chain") && broken.fix != nil)
    }

    @Test func theKeyIsInNoMessageLogOrDump() async throws {
        let secret = daemon.key.withBytes { Hex.encode($0) }
        var text = ""
        dump(daemon, to: &text, maxDepth: 8)
        text += String(reflecting: daemon.key) + fixture.metrics.text()
        for check in await daemon.checks() { text += "\(check)" }
        #expect(!text.contains(secret))
    }
}
