// Proves that a node answers what it should, never amplifies, and looks before it believes who asks.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct AnswerRulesTests {
    private static let unix: Int64 = 1_800_000_000
    private let topic = Topic.name("smollm2")

    /// A node that knows eight others, so that its replies are as large as they get.
    private func crowded() throws -> TestPeer {
        var peer = TestPeer()
        for number in 0..<8 { try introduce(&peer, number) }
        return peer
    }

    private func introduce(_ peer: inout TestPeer, _ number: Int) throws {
        var random = DHTRandom(seed: UInt64(100 + number))
        let id = NodeID.random(using: &random)
        let place = Endpoint(address: 0x2000_0001 + UInt32(number) << 8, port: 6881)
        let query = KRPCMessage(
            transaction: [1], body: .query(KRPCQuery(sender: id, call: .ping)))
        peer.feed(.packet(query.encoded(), from: place))
        // The node pings back before it believes; the pong is what counts.
        for packet in peer.sent where packet.to == place {
            guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
                case .query(let back) = message.body, back.call == .ping
            else { continue }
            let pong = KRPCMessage(transaction: message.transaction, body: .reply(KRPCReply(sender: id)))
            peer.feed(.packet(pong.encoded(), from: place))
        }
    }

    @Test func strangersArePingedBeforeTheyCount() throws {
        var peer = TestPeer()
        let reply = peer.ask(.ping, readOnly: false)
        #expect(reply.body == .reply(KRPCReply(sender: peer.node.id(.v4))))
        #expect(peer.sent.count == 2)
        #expect(peer.node.snapshot(now: peer.now).peers.isEmpty)
        // Asking again does not bring a second ping while the first is open.
        _ = peer.ask(.ping, readOnly: false)
        #expect(peer.sent.count == 1)
        try introduce(&peer, 1)
        #expect(peer.node.snapshot(now: peer.now).peers.count == 1)
    }

    @Test func readOnlyNodesAreAnsweredAndForgotten() {
        var peer = TestPeer()
        #expect(peer.ask(.ping, readOnly: true).body != nil)
        #expect(peer.sent.count == 1)
    }

    @Test func findNodeGivesTheEightNearest() throws {
        var peer = try crowded()
        guard case .reply(let reply)? = peer.ask(.findNode(target: peer.me)).body else {
            Issue.record("no reply")
            return
        }
        #expect(reply.nodes.count == 8)
        let distances = reply.nodes.map { $0.id.distance(to: peer.me) }
        #expect(distances == distances.sorted())
    }

    @Test func peersAreAnnouncedWithATokenOnly() throws {
        var peer = TestPeer()
        var random = DHTRandom(seed: 77)
        let hash = NodeID.random(using: &random)
        func code(_ body: KRPCMessage.Body?) -> Int64? {
            if case .error(let error)? = body { return error.code.rawValue }
            return body == nil ? nil : 0
        }
        #expect(code(peer.ask(.announcePeer(infoHash: hash, port: 5000, token: [1])).body) == 203)
        let token = peer.token()
        #expect(code(peer.ask(.announcePeer(infoHash: hash, port: 5000, token: token)).body) == 0)
        #expect(code(peer.ask(.announcePeer(infoHash: hash, port: nil, token: token)).body) == 0)
        guard case .reply(let reply)? = peer.ask(.getPeers(infoHash: hash)).body else {
            Issue.record("no reply")
            return
        }
        #expect(Set(reply.values.map(\.port)) == [5000, 6881])
        #expect(reply.values.allSatisfy { $0.address == peer.endpoint.address })
        peer.pass(milliseconds: 30 * 60_000)
        guard case .reply(let later)? = peer.ask(.getPeers(infoHash: hash)).body else { return }
        #expect(later.values.isEmpty)
    }

    @Test(arguments: [0, 150, 200, 300, 360, 500, 800, 1200])
    func anUnprovenAskerNeverGetsMoreThanItSent(_ size: Int) throws {
        var peer = try crowded()
        for number in UInt8(1)...6 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
        let answer = peer.ask(.infFind(InfFind(target: topic.key(), limit: 8, size: size)))
        #expect(answer.answered <= answer.asked)
        #expect(answer.answered > 0)
        if size >= 800, case .reply(let reply)? = answer.body {
            #expect(reply.nodes.count == 8)
            #expect(reply.matches == 6)
            #expect(reply.cards.count >= 1)
        }
    }

    @Test func aProvenAskerGetsCardsFirstAndAFullPacket() throws {
        var peer = try crowded()
        for number in UInt8(1)...6 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
        let token = peer.token()
        let answer = peer.ask(.infFind(InfFind(target: topic.key(), limit: 8, token: token)))
        #expect(answer.answered <= KRPCMessage.maximumPacket)
        guard case .reply(let first)? = answer.body else {
            Issue.record("no reply")
            return
        }
        #expect(first.cards.count >= 2)
        // The rest comes by offset, without doubles or gaps.
        var seen = first.cards.compactMap { $0?.event.pubkey }
        while seen.count < 6 {
            let more = InfFind(target: topic.key(), limit: 8, offset: seen.count, token: token)
            guard case .reply(let page)? = peer.ask(.infFind(more)).body, !page.cards.isEmpty else { break }
            seen += page.cards.compactMap { $0?.event.pubkey }
        }
        #expect(Set(seen).count == 6)
        #expect(seen.count == 6)
    }

    @Test func differentSeedsBringDifferentCardsFirst() throws {
        var peer = TestPeer()
        for number in UInt8(1)...8 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
        var firsts: Set<PublicKey> = []
        for seed in Int64(1)...40 {
            let call = InfFind(target: topic.key(), limit: 1, seed: seed, size: 800)
            guard case .reply(let reply)? = peer.ask(.infFind(call)).body, let card = reply.cards.first else {
                continue
            }
            if let card { firsts.insert(card.event.pubkey) }
        }
        #expect(firsts.count >= 5)
    }

    @Test func aFloodFromOneRangeIsCut() {
        var peer = TestPeer()
        var answered = 0
        for _ in 0..<2000 where peer.ask(.ping).body != nil { answered += 1 }
        #expect(answered == 400)
        #expect(peer.node.counters.rateLimited == 1600)
        // Somebody else is still served, and the same one a second later.
        peer.endpoint = Endpoint(address: 0x3001_0101, port: 1)
        #expect(peer.ask(.ping).body != nil)
        peer.endpoint = Endpoint(address: 0x1401_0101, port: 6881)
        peer.pass(milliseconds: 1000)
        #expect(peer.ask(.ping).body != nil)
    }

    @Test func errorsAreNoLargerThanWhatCausedThem() {
        var peer = TestPeer()
        peer.feed(.packet(Array("d1:q1:x1:t1:a1:y1:qe".utf8), from: peer.endpoint))
        #expect(peer.sent.isEmpty)
        let unknown =
            "d1:ad2:id20:abcdefghij01234567894:spam40:\(String(repeating: "x", count: 40))e1:q4:pong1:t1:a1:y1:qe"
        peer.feed(.packet(Array(unknown.utf8), from: peer.endpoint))
        #expect(peer.sent.count == 1)
        #expect((peer.sent.first?.bytes.count ?? 0) <= unknown.utf8.count)
    }

    @Test func repliesToNothingAreIgnored() {
        var peer = TestPeer()
        let forged = KRPCMessage(transaction: [1, 2, 3, 4], body: .reply(KRPCReply(sender: peer.me)))
        peer.feed(.packet(forged.encoded(), from: peer.endpoint))
        #expect(peer.node.counters.unexpected == 1)
        #expect(peer.node.snapshot(now: peer.now).peers.isEmpty)
    }

    @Test func ourOwnEchoIsNotAnswered() {
        var peer = TestPeer()
        let echo = KRPCMessage(
            transaction: [1], body: .query(KRPCQuery(sender: peer.node.id(.v4), call: .ping)))
        peer.feed(.packet(echo.encoded(), from: peer.endpoint))
        #expect(peer.sent.isEmpty)
    }

    @Test func aProvenGoodbyeTakesTheCardsAlong() throws {
        var peer = TestPeer()
        #expect(peer.put(try TestCards.signed(1, created: Self.unix), topic) == 0)
        let thief = Endpoint(address: 0x3001_0101, port: 9)
        let honest = peer.endpoint
        let token = peer.token()
        peer.endpoint = thief
        _ = peer.ask(.infBye(token: token, cardsOnly: false))
        #expect(peer.find(topic)?.matches == 1)
        peer.endpoint = honest
        _ = peer.ask(.infBye(token: nil, cardsOnly: false))
        #expect(peer.find(topic)?.matches == 1)
        _ = peer.ask(.infBye(token: token, cardsOnly: false))
        #expect(peer.find(topic)?.matches == 0)
    }
}
