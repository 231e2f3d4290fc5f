// Proves what evidence a node keeps and hands out: with a token only, small, signed twice, and checked from cheap to dear.

import DHTSimulation
import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct EvidenceRulesTests {
    private static let now: Int64 = 1_800_000_000

    private static func error(_ body: KRPCMessage.Body?) -> Int64? {
        switch body {
        case .reply: 0
        case .error(let error): error.code.rawValue
        default: nil
        }
    }

    private static func put(_ peer: inout TestPeer, _ bytes: [UInt8], token: [UInt8]? = nil) -> Int64? {
        let proof = token ?? peer.token()
        return error(peer.ask(.evidence(.put(token: proof, evidence: bytes))).body)
    }

    @Test func whatIsWrongIsRefusedWithTheRightNumber() throws {
        var peer = TestPeer()
        let good = try TestEvidence.bytes(try TestEvidence.signed(by: 1, created: Self.now))
        #expect(Self.put(&peer, good, token: [1, 2, 3, 4, 5, 6, 7, 8]) == 203)
        #expect(peer.verifications == 0)
        var large = BencodeWriter()
        large.text(String(repeating: "x", count: EvidenceStore.maximumSize + 1))
        #expect(Self.put(&peer, large.output) == 205)
        let card = try #require(CardRecord(try TestCards.signed(1, created: Self.now))).encoded
        #expect(Self.put(&peer, card) == 203)
        let future = try TestEvidence.signed(by: 1, created: Self.now + 121)
        #expect(Self.put(&peer, try TestEvidence.bytes(future)) == 203)
        let old = try TestEvidence.signed(by: 1, created: Self.now - Evidence.longestLife)
        #expect(Self.put(&peer, try TestEvidence.bytes(old)) == 203)
        #expect(peer.verifications == 0)
        // The provider did not sign this, and then: the client did not.
        let unsigned = try TestEvidence.signed(by: 1, created: Self.now) { $0.counterfoil.price += 1 }
        #expect(Self.put(&peer, try TestEvidence.bytes(unsigned)) == 206)
        let event = try TestEvidence.signed(by: 1, created: Self.now)
        let stolen = SignedEvent(event.template, signature: [UInt8](repeating: 3, count: 64))
        #expect(Self.put(&peer, try TestEvidence.bytes(stolen)) == 206)
        #expect(peer.node.desk.store.count == 0)
        #expect(Self.put(&peer, good) == 0)
        let checked = peer.verifications
        // Again is free.
        #expect(Self.put(&peer, good) == 0)
        #expect(peer.verifications == checked && peer.node.desk.store.count == 1)
    }

    @Test func aClientsLastWordOnAJobCounts() throws {
        var peer = TestPeer()
        let late = try TestEvidence.signed(by: 1, .wrong, created: Self.now) {
            $0.counterfoil.finishedAt = $0.counterfoil.finishedAt
        }
        #expect(Self.put(&peer, try TestEvidence.bytes(late)) == 0)
        // The same receipt, an earlier word. Its counterfoil is the same one.
        let foil = try #require(Evidence(late))
        let earlier = Evidence(
            counterfoil: foil.counterfoil, signature: foil.signature, outcome: .ok, createdAt: Self.now - 1)
        let client = try TestCards.key(1)
        #expect(Self.put(&peer, try TestEvidence.bytes(try client.sign(earlier.template))) == 302)
        let later = Evidence(
            counterfoil: foil.counterfoil, signature: foil.signature, outcome: .ok, createdAt: Self.now + 1)
        #expect(Self.put(&peer, try TestEvidence.bytes(try client.sign(later.template))) == 0)
        #expect(peer.node.desk.store.count == 1)
    }

    @Test func noClientAndNoRangeTakesAllTheRoom() throws {
        var peer = TestPeer()
        for job in 0..<12 {
            let piece = try TestEvidence.signed(by: 1, job: job, created: Self.now - 100 + Int64(job))
            #expect(Self.put(&peer, try TestEvidence.bytes(piece)) == 0)
        }
        // His newest eight.
        let subject = try TestCards.key(TestEvidence.provider).publicKey
        #expect(peer.node.desk.store.all(on: subject).map(\.createdAt).min() == Self.now - 100 + 4)
        #expect(peer.node.desk.store.count == 8)
        let old = try TestEvidence.signed(by: 1, job: 20, created: Self.now - 200)
        #expect(Self.put(&peer, try TestEvidence.bytes(old)) == 302)
        var stored = 0
        for rater in UInt8(2)...90 {
            let piece = try TestEvidence.signed(by: rater, created: Self.now)
            if Self.put(&peer, try TestEvidence.bytes(piece)) == 0 { stored += 1 }
        }
        #expect(stored == 64 - 8)
        peer.endpoint = Endpoint(address: 0x1401_0201, port: 6881)
        let other = try TestEvidence.signed(by: 91, created: Self.now)
        #expect(Self.put(&peer, try TestEvidence.bytes(other)) == 0)
    }

    @Test func whoAsksGetsWhatHeNamesInPacketsThatFit() throws {
        var peer = TestPeer()
        var events: [SignedEvent] = []
        for rater in UInt8(1)...10 { events.append(try TestEvidence.signed(by: rater, created: Self.now)) }
        for event in events { #expect(Self.put(&peer, try TestEvidence.bytes(event)) == 0) }
        let subject = try TestCards.key(TestEvidence.provider).publicKey
        let ids = events.compactMap { Hex.decode($0.id, count: 32) }
        let bad = peer.ask(.evidence(.get(subject: subject, ids: ids, token: [9, 9, 9, 9, 9, 9, 9, 9])))
        #expect(Self.error(bad.body) == 203 && bad.answered <= bad.asked)
        let token = peer.token()
        let (body, _, size) = peer.ask(.evidence(.get(subject: subject, ids: ids, token: token)))
        guard case .reply(let reply)? = body else {
            Issue.record("no reply")
            return
        }
        #expect(size <= KRPCMessage.maximumPacket)
        #expect(reply.cards.compactMap { $0?.event } == Array(events.prefix(2)))
        // Under another provider they are not.
        let other = peer.ask(
            .evidence(.get(subject: TestCards.author(1), ids: ids, token: token)))
        guard case .reply(let none)? = other.body else {
            Issue.record("no reply")
            return
        }
        #expect(none.cards.isEmpty)
    }

    @Test func aReconciliationNeedsATokenAndFitsAPacket() throws {
        var peer = TestPeer()
        for rater in UInt8(1)...60 {
            peer.endpoint = Endpoint(address: 0x1401_0101 + UInt32(rater) * 256, port: 6881)
            let piece = try TestEvidence.signed(by: rater, created: Self.now - Int64(rater))
            #expect(Self.put(&peer, try TestEvidence.bytes(piece)) == 0)
        }
        let subject = try TestCards.key(TestEvidence.provider).publicKey
        let first = Reconciliation([ReconciledItem](), limit: 1_000, buckets: 8).begin()
        let refused = peer.ask(
            .evidence(.sync(subject: subject, message: first, token: [1, 1, 1, 1, 1, 1, 1, 1])))
        #expect(Self.error(refused.body) == 203 && refused.answered <= refused.asked)
        let token = peer.token()
        let noise = peer.ask(.evidence(.sync(subject: subject, message: [0x61, 0xFF], token: token)))
        #expect(Self.error(noise.body) == 203)
        let answer = peer.ask(.evidence(.sync(subject: subject, message: first, token: token)))
        guard case .reply(let reply)? = answer.body else {
            Issue.record("no reply")
            return
        }
        #expect(reply.message != nil && answer.answered <= KRPCMessage.maximumPacket)
    }
}
