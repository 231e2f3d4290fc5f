// Packets in millions against one node: well made, nearly well made, and none at all, from many addresses, while it
// searches and announces. It must never spare the node what a stranger can send.

import NodeModel
import Nostr

@testable import DHTCore

/// A node in a storm.
public struct Storm {
    private var random: SimulatedRandom
    private var node: DHTNode
    private var now = Moment(milliseconds: 1_000_000, unixSeconds: 1_800_000_000)
    private let crowd: [Endpoint]
    /// Whoever answers from an address of the crowd is always the same, so that the node can come to know him.
    private let names: [Endpoint: NodeID]
    /// Questions of the node that nobody has answered yet.
    private var open: [(transaction: [UInt8], endpoint: Endpoint, query: KRPCQuery)] = []
    private var tokens: [Endpoint: [UInt8]] = [:]
    private var operations = 0
    /// Packets given to the node, and packets that it sent.
    public private(set) var given = 0
    public private(set) var sent = 0

    public init(seed: UInt64) {
        var random = SimulatedRandom(seed: seed)
        // Half of it over IPv6, from a few thousand networks of a few hundred ranges.
        crowd = (0..<4096).compactMap { number in
            let noise = random.next()
            let six = 0x2001_0DB8_0000_0000 + UInt64(noise % 300) << 16 + UInt64(noise >> 60)
            let address =
                number.isMultiple(of: 2)
                ? IPAddress(v4: UInt32(truncatingIfNeeded: noise) | 0x0100_0000) : IPAddress(v6: six, noise)
            return address.map { Endpoint($0, port: 6881) }
        }
        names = Dictionary(
            crowd.map { ($0, NodeID.random(using: &random)) }, uniquingKeysWith: { first, _ in first })
        var configuration = DHTConfiguration()
        configuration.families = [.v4, .v6]
        node = DHTNode(
            id: NodeID.random(using: &random), configuration: configuration,
            random: DHTRandom(seed: random.next()), now: now, verifier: { TestCards.isFakeSigned($0) })
        self.random = random
        feed(.command(.bootstrap(Array(crowd.prefix(8)))))
    }

    /// Sends so many packets.
    public mutating func blow(_ count: Int) {
        for _ in 0..<count {
            let step = Int64(random.below(4))
            now.milliseconds += step
            now.unixSeconds = 1_800_000_000 + now.milliseconds / 1000
            if random.below(5000) == 0 { command() }
            let (packet, source) = packet()
            given += 1
            feed(.packet(random.below(3) == 0 ? damaged(packet) : packet, from: source))
        }
    }

    /// What the node holds, and the most that it may hold; in the order of the names.
    public var holdings: [(name: String, held: Int, most: Int)] {
        let limits = node.configuration.cardLimits
        return [
            ("cards", node.cards.count, limits.total + 64),
            ("torrents", node.peers.hashCount, PeerStore.maximumHashes),
            ("peers", node.peers.count, PeerStore.maximumHashes * PeerStore.maximumPeers),
            ("items", node.items.count, MainlineItemStore.maximum),
            ("lookups", node.lookups.count, 128), ("wishes", node.mainline.count, 128),
            ("open questions", node.pending.count, 8192),
            ("evidence", node.desk.store.count, 8192), ("comparisons", node.desk.syncs.count, 64),
            ("askers", node.statusAskers.count, 32), ("probes", node.statusRuns.count, 64),
            ("nodes", node.sides.known, 2 * 160 * 8), ("searches", node.searches.count, 64),
            ("timers", node.timers.count, 32_768),
        ]
    }

    private mutating func feed(_ input: NodeInput) {
        for action in node.handle(input, now: now) {
            if case .askStatus(let ticket, let challenge) = action, random.below(4) > 0 {
                let status = TestCards.fakeStatus(
                    5_000_000, challenge: Hex.encode(challenge), busy: random.below(4))
                feed(.status(ticket, random.below(8) == 0 ? nil : status))
            }
            guard case .send(let packet, let endpoint) = action else { continue }
            sent += 1
            guard case .message(let message) = KRPCDecoder.decode(packet[...]) else { continue }
            switch message.body {
            case .query(let query):
                open.append((message.transaction, endpoint, query))
                if open.count > 64 { open.removeFirst() }
            case .reply(let reply):
                if let token = reply.token { tokens[endpoint] = token }
                if tokens.count > 8192 { tokens = [:] }
            case .error: break
            }
        }
    }

    private mutating func command() {
        operations += 1
        switch random.below(8) {
        case 6: feed(.command(.evidence(.gather(TestCards.author(random.below(20))), operations)))
        case 7:
            let piece = TestCards.fakeEvidence(
                by: 1, on: random.below(20), job: operations, created: now.unixSeconds)
            feed(.command(.evidence(.publish(piece), operations)))
        case 0, 1: feed(.command(.find(topic(), limit: 1 + random.below(32), operations)))
        case 2:
            let targets = (0..<1 + random.below(20)).map {
                StatusTarget(provider: TestCards.author($0), endpoint: crowd[random.below(crowd.count)])
            }
            feed(.command(.probe(targets, operations)))
        case 3: feed(.command(.mainline(wish(), operations)))
        default:
            let card = TestCards.fake(
                5_000_000 + random.below(4), model: "own", created: now.unixSeconds)
            feed(.command(.announce(card, operations)))
        }
    }

    private mutating func wish() -> MainlineWish {
        let target = NodeID.random(using: &random)
        switch random.below(5) {
        case 0: return .peers(target)
        case 1: return .announce(target, port: 6881)
        case 2: return .item(target)
        case 3: return .mutable(key: bytes(32), salt: bytes(random.below(65)))
        default: return .store(MainlineItem(value: Array("4:".utf8) + bytes(4)), swap: nil)
        }
    }

    private mutating func topic() -> Topic { .name("model-\(random.below(200))") }

    private mutating func packet() -> (packet: [UInt8], source: Endpoint) {
        let known = crowd[random.below(crowd.count)]
        let (noise, port) = (random.next(), UInt16(truncatingIfNeeded: random.next()))
        let four = Endpoint(address: UInt32(truncatingIfNeeded: noise), port: port)
        let six = random.below(2) == 0 ? IPAddress(v6: noise, noise) : nil
        let anybody = six.map { Endpoint($0, port: port) } ?? four
        let source = random.below(4) == 0 ? anybody : known
        switch random.below(10) {
        case 0: return (self.noise(), source)
        case 1, 2, 3:
            guard !open.isEmpty else { return (self.noise(), source) }
            let question = open.remove(at: random.below(open.count))
            let body: KRPCMessage.Body =
                random.below(8) == 0
                ? .error(KRPCError(KRPCError.Code(rawValue: 201 + Int64(random.below(5))), "no"))
                : .reply(reply(question.query, sender: name(question.endpoint)))
            let message = KRPCMessage(
                transaction: question.transaction, body: body,
                version: random.below(2) == 0 ? KRPCMessage.ownVersion : [76, 84, 1, 1], observed: known)
            return (message.encoded(), random.below(16) == 0 ? source : question.endpoint)
        default:
            let message = KRPCMessage(
                transaction: bytes(1 + random.below(20)),
                body: .query(KRPCQuery(sender: name(source), call: call(source), want: want())),
                readOnly: random.below(8) == 0)
            return (message.encoded(), source)
        }
    }

    private mutating func want() -> Set<AddressFamily>? {
        switch random.below(6) {
        case 0: [.v4, .v6]
        case 1: [.v6]
        default: nil
        }
    }

    private mutating func call(_ source: Endpoint) -> KRPCQuery.Call {
        let target = NodeID.random(using: &random)
        let token = tokens[source] ?? bytes(8)
        switch random.below(16) {
        case 0: return .ping
        case 1: return .findNode(target: target)
        case 2: return .getPeers(infoHash: target)
        case 3: return .announcePeer(infoHash: target, port: UInt16(random.below(65_536)), token: token)
        case 4: return .get(target: target, newerThan: nil)
        case 5:
            let value = bytes(random.below(1000))
            let claimed = random.below(8) == 0 ? random.below(1000) : value.count
            return .put(
                MainlineItem(value: Array("\(claimed):".utf8) + value), swap: nil, token: token)
        case 6: return .sampleInfohashes(target: target)
        case 7: return .infBye(token: random.below(2) == 0 ? token : nil, cardsOnly: random.below(2) == 0)
        case 8, 9:
            let (topic, number) = (topic(), random.below(100_000))
            let name = String(topic.description.dropFirst(2))
            let card = TestCards.fake(
                number, model: name, created: now.unixSeconds - Int64(random.below(600)))
            let record = CardRecord(card)?.encoded ?? []
            return .infPut(target: random.below(8) == 0 ? target : topic.key(), token: token, card: record)
        case 13: return .evidence(evidence(token))
        case 10:
            let provider = TestCards.author(5_000_000 + random.below(2))
            return .infStat(InfStat(provider: provider, challenge: bytes(8), size: random.below(600)))
        default:
            return .infFind(
                InfFind(
                    target: topic().key(), limit: random.below(256), offset: random.below(600),
                    seed: Int64(random.below(1000)), token: random.below(2) == 0 ? token : nil,
                    size: random.below(1300)))
        }
    }

    private mutating func evidence(_ token: [UInt8]) -> EvidenceCall {
        let subject = random.below(20)
        switch random.below(4) {
        case 0:
            return .get(
                subject: TestCards.author(subject),
                ids: (0...random.below(EvidenceCall.mostIDs)).map { _ in bytes(32) }, token: token)
        case 1:
            let items = (0..<random.below(40)).compactMap { _ in
                ReconciledItem(time: UInt64(now.unixSeconds), id: bytes(32))
            }
            return .sync(
                subject: TestCards.author(subject),
                message: Array(Reconciliation(items, buckets: 8).begin().prefix(EvidenceCall.longestMessage)),
                token: token)
        default:
            let event = TestCards.fakeEvidence(
                by: 100 + random.below(2_000), on: subject, job: random.below(12),
                random.below(4) == 0 ? .wrong : .ok, created: now.unixSeconds - Int64(random.below(600)))
            return .put(token: token, evidence: CardRecord(event)?.encoded ?? [])
        }
    }

    /// An answer as an honest or a lying node could give it.
    private mutating func reply(_ query: KRPCQuery, sender: NodeID) -> KRPCReply {
        var reply = KRPCReply(sender: sender, token: bytes(8))
        reply.nodes = (0..<random.below(20)).map { _ in
            let other = crowd[random.below(crowd.count)]
            return NodeContact(id: name(other), endpoint: other)
        }
        switch query.call {
        case .getPeers:
            reply.values = (0..<random.below(100)).map { _ in crowd[random.below(crowd.count)] }
        case .get:
            reply.item = MainlineItem(value: Array("4:".utf8) + bytes(4))
        case .evidence(.get):
            reply.cards = (0..<random.below(3)).map { _ in
                CardRecord(
                    TestCards.fakeEvidence(
                        by: random.below(2_000), on: random.below(20), created: now.unixSeconds))
            }
        case .evidence(.sync):
            let items = (0..<random.below(25)).compactMap { _ in
                ReconciledItem(time: UInt64(now.unixSeconds), id: bytes(32))
            }
            reply.message = random.below(4) == 0 ? bytes(40) : Reconciliation(items, buckets: 8).begin()
        case .infStat(let stat):
            let challenge = random.below(4) == 0 ? bytes(8) : stat.challenge
            let number = random.below(20)
            reply.status = CardRecord(
                TestCards.fakeStatus(number, challenge: Hex.encode(challenge), busy: random.below(9)))
        default: break
        }
        if case .infFind = query.call {
            reply.matches = random.below(600)
            reply.cards = (0..<random.below(3)).map { _ in
                CardRecord(
                    TestCards.fake(
                        random.below(1000), model: "model-\(random.below(200))", created: now.unixSeconds))
            }
        }
        return reply
    }

    /// The id of whoever is at an address; now and then somebody lies about it, and strangers have none.
    private mutating func name(_ endpoint: Endpoint) -> NodeID {
        let other = NodeID.random(using: &random)
        return random.below(16) == 0 ? other : names[endpoint] ?? other
    }

    private mutating func damaged(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        guard !packet.isEmpty else { return packet }
        switch random.below(4) {
        case 0: packet.removeLast(random.below(packet.count))
        case 1: packet += bytes(random.below(64))
        case 2: packet.remove(at: random.below(packet.count))
        default:
            for _ in 0...random.below(4) {
                packet[random.below(packet.count)] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return packet
    }

    /// Bencode that is no message, or nothing at all.
    private mutating func noise() -> [UInt8] {
        guard random.below(2) == 0 else { return bytes(random.below(1500)) }
        var out: [UInt8] = []
        grow(&out, depth: 0)
        return out
    }

    private mutating func grow(_ out: inout [UInt8], depth: Int) {
        switch random.below(depth > 10 ? 2 : 4) {
        case 0: out += Array("i\(Int64(truncatingIfNeeded: random.next()))e".utf8)
        case 1:
            let text = bytes(random.below(30))
            out += Array("\(text.count):".utf8) + text
        case 2:
            out.append(UInt8(ascii: "l"))
            for _ in 0..<random.below(6) { grow(&out, depth: depth + 1) }
            out.append(UInt8(ascii: "e"))
        default:
            out.append(UInt8(ascii: "d"))
            for number in 0..<random.below(5) {
                out += Array("2:k\(number)".utf8)
                grow(&out, depth: depth + 1)
            }
            out.append(UInt8(ascii: "e"))
        }
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
}
