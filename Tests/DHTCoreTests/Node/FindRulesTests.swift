// Proves that a search believes nobody: what a node hands out was checked here, and what was left out is said.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct FindRulesTests {
    private static let unix: Int64 = 1_800_000_000
    private let topic = Topic.name("smollm2")

    /// Runs a search against one node that answers with `cards`.
    private func search(
        _ cards: [CardRecord?], matches: Int? = nil, raw: (KRPCReply) -> KRPCMessage.Body = { .reply($0) }
    ) throws -> (report: FindReport, peer: TestPeer) {
        var peer = TestPeer()
        let liar = NodeContact(id: peer.me, endpoint: peer.endpoint)
        peer.feed(.command(.remember([liar])))
        try answerAll(&peer, KRPCReply(sender: liar.id))
        peer.feed(.command(.find(topic, limit: 16, 1)))
        var reply = KRPCReply(sender: liar.id, token: [1, 2], matches: matches ?? cards.count)
        reply.cards = cards
        return (try #require(try answerAll(&peer, reply, raw: raw)), peer)
    }

    /// Answers every query that the node has just sent, until a search ends.
    @discardableResult
    private func answerAll(
        _ peer: inout TestPeer, _ reply: KRPCReply, raw: (KRPCReply) -> KRPCMessage.Body = { .reply($0) }
    ) throws -> FindReport? {
        var packets = peer.sent
        for _ in 0..<200 where !packets.isEmpty {
            let packet = packets.removeFirst()
            guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
                case .query = message.body
            else { continue }
            let answer = KRPCMessage(transaction: message.transaction, body: raw(reply))
            peer.feed(.packet(answer.encoded(), from: packet.to))
            for case .found(1, let report) in peer.actions { return report }
            packets += peer.sent
        }
        return nil
    }

    private func record(_ event: SignedEvent) throws -> CardRecord { try #require(CardRecord(event)) }

    @Test func goodCardsAreFound() throws {
        let cards = try (UInt8(1)...3).map { try record(try TestCards.signed($0, created: Self.unix)) }
        let report = try search(cards).report
        #expect(Set(report.cards) == Set(cards.map(\.event)))
        #expect(report.answered == 1)
        #expect(report.holders == 1)
        #expect(report.leftOut.isEmpty)
    }

    @Test(arguments: FindReport.Refusal.allCases.filter { $0 != .malformed && $0 != .older })
    func whatIsNotGoodIsLeftOutWithItsReason(_ reason: FindReport.Refusal) throws {
        let good = try TestCards.signed(1, created: Self.unix)
        let bad =
            switch reason {
            case .expired: try TestCards.signed(2, created: Self.unix - 1300)
            case .wrongTopic: try TestCards.signed(2, model: "qwen", created: Self.unix)
            case .badLifetime: try TestCards.signed(2, created: Self.unix, lifetime: 1_000_000)
            default:
                SignedEvent(
                    try TestCards.signed(2, created: Self.unix).template,
                    signature: try #require(Hex.decode(good.sig)))
            }
        let (report, peer) = try search([record(bad), record(good)])
        #expect(report.cards == [good])
        #expect(report.leftOut == ["\(reason.rawValue): 1"])
        // Only what deserves it costs a signature check.
        #expect(peer.verifications == (reason == .badSignature ? 2 : 1))
    }

    @Test func ofTwoCardsByOneProviderTheNewerCounts() throws {
        let old = try TestCards.signed(1, created: Self.unix - 100)
        let new = try TestCards.signed(1, created: Self.unix)
        #expect(try search([record(old), record(new)]).report.cards == [new])
        let report = try search([record(new), record(old)]).report
        #expect(report.cards == [new])
        #expect(report.leftOut == ["older than another by the same provider: 1"])
    }

    @Test func theSameCardIsCheckedOnce() throws {
        let card = try record(try TestCards.signed(1, created: Self.unix))
        let (report, peer) = try search([card, card, card])
        #expect(report.cards.count == 1)
        #expect(peer.verifications == 1)
    }

    @Test func aNodeThatPromisesMoreIsAskedAFewTimesOnly() throws {
        let card = try record(try TestCards.signed(1, created: Self.unix))
        let (report, peer) = try search([card], matches: 60_000)
        #expect(report.cards.count == 1)
        #expect((peer.node.counters.queriesOut[.infFind] ?? 0) <= 5)
    }

    @Test func aForeignNodeShowsTheWayThoughItDoesNotKnowTheMethod() throws {
        var asked: [KRPCMethod] = []
        let (report, peer) = try search([]) { reply in
            asked.append(.ping)
            return asked.count == 1 ? .error(KRPCError(.methodUnknown, "Method Unknown")) : .reply(reply)
        }
        #expect(report.answered == 1)
        #expect(peer.node.counters.queriesOut[.infFind] == 1)
        #expect((peer.node.counters.queriesOut[.findNode] ?? 0) >= 2)
    }

    @Test func aLoneNodeSaysThatItIsAlone() throws {
        var peer = TestPeer()
        peer.feed(.command(.find(topic, limit: 4, 9)))
        guard
            case .found(9, let report)? = peer.actions.first(where: {
                if case .found = $0 { true } else { false }
            })
        else {
            Issue.record("no result")
            return
        }
        #expect(report.cards.isEmpty)
        #expect(report.summary == "no other node is known, and nothing is stored here")
    }

    @Test func strangersCannotSendUsIntoOurOwnNetwork() throws {
        var peer = TestPeer()
        peer.feed(.command(.remember([NodeContact(id: peer.me, endpoint: peer.endpoint)])))
        var random = DHTRandom(seed: 9)
        let trap = NodeContact(
            id: NodeID.random(using: &random), endpoint: Endpoint(address: 0xC0A8_0001, port: 53))
        try answerAll(&peer, KRPCReply(sender: peer.me, nodes: [trap]))
        #expect(!peer.sent.contains { $0.to == trap.endpoint })
    }
}
