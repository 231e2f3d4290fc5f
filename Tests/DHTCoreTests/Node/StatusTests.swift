// Proves that a node tells how its provider is only to whom it may, and believes of others only what they signed for it.

import DHTCore
import DHTSimulation
import NodeModel
import Nostr
import Testing

@Suite struct StatusTests {
    private static let challenge: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    private static let friend = Endpoint(address: 0x1501_0101, port: 6881)

    private static func status(
        _ number: UInt8, _ challenge: [UInt8] = challenge, busy: Int = 1
    ) throws -> SignedEvent {
        let key = try TestCards.key(number)
        return try key.sign(
            ProviderStatus(
                provider: key.publicKey, challenge: Hex.encode(challenge), accepts: true, slots: 4,
                busy: busy,
                queued: 0, loaded: ["0123456789abcdef"], createdAt: 1_800_000_000
            ).template)
    }

    // MARK: being asked

    private static func provider() throws -> (peer: TestPeer, key: PublicKey) {
        var peer = TestPeer()
        peer.feed(.command(.announce(try TestCards.signed(1, created: 1_800_000_000), 1)))
        return (peer, try TestCards.key(1).publicKey)
    }

    private static func ask(_ peer: inout TestPeer, _ key: PublicKey, size: Int = 512) -> Int64? {
        let stat = InfStat(provider: key, challenge: challenge, size: size)
        if case .error(let error)? = peer.ask(.infStat(stat)).body { return error.code.rawValue }
        return nil
    }

    private static func ticket(_ peer: TestPeer) -> Int? {
        for case .askStatus(let ticket, let asked) in peer.actions where asked == challenge { return ticket }
        return nil
    }

    @Test func theAnswerIsSignedForTheOneWhoAsked() throws {
        var (peer, key) = try Self.provider()
        #expect(Self.ask(&peer, key) == nil)
        let ticket = try #require(Self.ticket(peer))
        let event = try Self.status(1)
        peer.feed(.status(ticket, event))
        let packet = try #require(peer.sent.first { $0.to == peer.endpoint })
        // Nobody can be flooded by it.
        #expect(packet.bytes.count <= 512)
        guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
            case .reply(let reply) = message.body
        else {
            Issue.record("no reply")
            return
        }
        #expect(reply.status?.event == event)
        // Once told is told.
        peer.feed(.status(ticket, event))
        #expect(peer.sent.isEmpty)
    }

    @Test func whatNobodySignedIsNotMadeUp() throws {
        var (peer, key) = try Self.provider()
        #expect(Self.ask(&peer, key) == nil)
        peer.feed(.status(try #require(Self.ticket(peer)), nil))
        let packet = try #require(peer.sent.first)
        guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
            case .error(let error) = message.body
        else {
            Issue.record("no error")
            return
        }
        #expect(error.code == .server)
        // What comes too late goes nowhere.
        #expect(Self.ask(&peer, key) == nil)
        let late = try #require(Self.ticket(peer))
        peer.pass(milliseconds: 2_001)
        peer.feed(.status(late, try Self.status(1)))
        #expect(peer.sent.allSatisfy { $0.to != peer.endpoint })
    }

    @Test func strangersSmallQuestionsAndHasteAreRefused() throws {
        var (peer, key) = try Self.provider()
        #expect(Self.ask(&peer, try TestCards.key(2).publicKey) == 201)
        #expect(Self.ask(&peer, key, size: 440) == 203)
        // Two seconds' worth of four a second.
        for _ in 0..<8 { #expect(Self.ask(&peer, key) == nil) }
        #expect(Self.ask(&peer, key) == 429)
        peer.endpoint = Self.friend
        #expect(Self.ask(&peer, key) == nil)
        var other = TestPeer()
        #expect(Self.ask(&other, key) == 201)
    }

    // MARK: asking

    /// The node's own question to `endpoint`.
    private static func question(_ peer: TestPeer, to endpoint: Endpoint) -> (KRPCMessage, InfStat)? {
        for packet in peer.sent where packet.to == endpoint {
            if case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
                case .query(let query) = message.body, case .infStat(let stat) = query.call
            {
                return (message, stat)
            }
        }
        return nil
    }

    private static func answer(
        _ peer: inout TestPeer, from endpoint: Endpoint, _ make: ([UInt8]) throws -> SignedEvent?
    ) throws -> [StatusReport]? {
        peer.feed(
            .command(
                .probe([StatusTarget(provider: try TestCards.key(1).publicKey, endpoint: endpoint)], 5)))
        let (message, stat) = try #require(question(peer, to: endpoint))
        var random = DHTRandom(seed: 3)
        var reply = KRPCReply(sender: NodeID.random(using: &random))
        reply.status = try make(stat.challenge).flatMap { CardRecord($0) }
        peer.feed(
            .packet(
                KRPCMessage(transaction: message.transaction, body: .reply(reply)).encoded(), from: endpoint))
        return reports(peer)
    }

    private static func reports(_ peer: TestPeer) -> [StatusReport]? {
        for case .probed(5, let reports) in peer.actions { return reports }
        return nil
    }

    @Test func aStatusCountsWhenItsProviderSignedItForUs() throws {
        var peer = TestPeer()
        var event: SignedEvent?
        let reports = try Self.answer(&peer, from: Self.friend) { challenge in
            event = try Self.status(1, challenge)
            return event
        }
        #expect(reports?.map(\.end) == [.told(try #require(event), milliseconds: 0)])
    }

    @Test func anythingElseIsForged() throws {
        let makers: [([UInt8]) throws -> SignedEvent?] = [
            { _ in try Self.status(1, Self.challenge) },
            { try Self.status(2, $0) },
            { _ in nil },
            { challenge in
                let (mine, other) = (try Self.status(1, challenge), try Self.status(1, challenge, busy: 3))
                return SignedEvent(mine.template, signature: Hex.decode(other.sig) ?? [])
            },
            { _ in try TestCards.signed(1, created: 1_800_000_000) },
        ]
        for (number, make) in makers.enumerated() {
            var peer = TestPeer()
            #expect(
                try Self.answer(&peer, from: Self.friend, make)?.map(\.end) == [.forged], "maker \(number)")
        }
    }

    @Test func silenceIsNotWaitedForLongerThanTheDeadline() throws {
        var peer = TestPeer()
        let key = try TestCards.key(1).publicKey
        peer.feed(.command(.probe([StatusTarget(provider: key, endpoint: Self.friend)], 5)))
        peer.pass(milliseconds: 599)
        peer.feed(.time)
        #expect(Self.reports(peer) == nil)
        peer.pass(milliseconds: 1)
        peer.feed(.time)
        #expect(Self.reports(peer)?.map(\.end) == [.silent])
        peer.feed(.command(.probe([], 5)))
        #expect(Self.reports(peer) == [])
        // When it speaks after all, that ends the waiting.
        peer.feed(.command(.probe([StatusTarget(provider: key, endpoint: Self.friend)], 5)))
        let (message, stat) = try #require(Self.question(peer, to: Self.friend))
        peer.pass(milliseconds: 300)
        peer.feed(.time)
        #expect(Self.reports(peer) == nil)
        var random = DHTRandom(seed: 3)
        var reply = KRPCReply(sender: NodeID.random(using: &random))
        reply.status = CardRecord(try Self.status(1, stat.challenge))
        peer.feed(
            .packet(
                KRPCMessage(transaction: message.transaction, body: .reply(reply)).encoded(),
                from: Self.friend))
        guard case .told(_, milliseconds: 300)? = Self.reports(peer)?.first?.end else {
            Issue.record("not told")
            return
        }
    }

    @Test func inANetworkTheLivingAnswerAndTheDeadAreSilent() throws {
        var network = VirtualNetwork(seed: 4, options: .init(loss: 0))
        network.status = { TestCards.fakeStatus($0, challenge: $1, busy: $0) }
        let members = (0..<4).map { _ in network.add() }
        let entrance = network.members[0].endpoint
        for member in members.dropFirst() { network.feed(member, .command(.bootstrap([entrance]))) }
        network.run(3_000)
        for member in members {
            _ = try network.announce(
                member, TestCards.fake(member, created: network.moment.unixSeconds), wait: 5_000)
        }
        network.kill(2)
        let began = network.now
        let reports = try network.probe(
            3,
            (0..<3).map {
                StatusTarget(provider: TestCards.author($0), endpoint: network.members[$0].endpoint)
            })
        let told = reports.map { report -> Int? in
            if case .told(let event, _) = report.end { return ProviderStatus(event)?.busy }
            return nil
        }
        #expect(told == [0, 1, nil])
        #expect(reports[2].end == .silent)
        // The dead one is not waited for as long as if nobody had answered.
        #expect((250...260).contains(network.now - began))
    }

    /// A card could have every client knock at doors inside its own house.
    @Test func aCardDoesNotAimAtThisHouse() throws {
        var peer = TestPeer()
        let inside = Endpoint(address: 0xC0A8_0101, port: 53)
        let target = StatusTarget(provider: try TestCards.key(2).publicKey, endpoint: inside)
        peer.feed(.command(.probe([target], 1)))
        #expect(peer.sent.allSatisfy { $0.to != inside })
        #expect(peer.probed?.map(\.end) == [.unreachable])
        // Where the neighbours are local, so is the network.
        peer.endpoint = Endpoint(address: 0xC0A8_0102, port: 6881)
        _ = peer.ask(.ping, readOnly: false)
        for packet in peer.sent where packet.to == peer.endpoint {
            guard case .message(let check) = KRPCDecoder.decode(packet.bytes[...]), case .query = check.body
            else { continue }
            let reply = KRPCMessage(
                transaction: check.transaction, body: .reply(KRPCReply(sender: peer.me)))
            peer.feed(.packet(reply.encoded(), from: peer.endpoint))
        }
        peer.feed(.command(.probe([target], 2)))
        #expect(peer.sent.contains { $0.to == inside })
    }
}
