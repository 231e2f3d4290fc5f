// Proves the rules of the second network: who is told of whom, what a /64 and a /48 may have, what an address that
// nothing proves can draw, and how a node with both families finds its way from one into the other.

import Crypto
import DHTSimulation
import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct TwoFamiliesTests {
    private static let unix: Int64 = 1_800_000_000
    private let topic = Topic.name("smollm2")

    private func endpoint(_ text: String) throws -> Endpoint { try #require(Endpoint(text)) }

    /// A node that lives in both networks and knows twenty nodes of each.
    private func peer(at place: String = "[2001:db8:14::101]:6881") throws -> TestPeer {
        var configuration = DHTConfiguration()
        configuration.families = [.v4, .v6]
        var peer = TestPeer(configuration)
        peer.endpoint = try endpoint(place)
        var random = DHTRandom(seed: 5)
        for number in 0..<20 {
            for place in ["21.1.\(number).1:6881", "[2001:db8:\(1000 + number)::1]:6881"] {
                let contact = NodeContact(id: NodeID.random(using: &random), endpoint: try endpoint(place))
                _ = peer.node.sides[contact.endpoint.family].table.answered(
                    contact, roundTrip: 10, isInfernet: true, now: peer.now.milliseconds)
            }
        }
        return peer
    }

    private func families(
        _ peer: inout TestPeer, _ want: Set<AddressFamily>?
    ) throws -> [AddressFamily: Int] {
        let answer = peer.ask(.findNode(target: peer.me), want: want)
        guard case .reply(let reply)? = answer.body else { throw NoReply() }
        return Dictionary(grouping: reply.nodes, by: \.endpoint.family).mapValues(\.count)
    }
    private struct NoReply: Error {}

    @Test func nodesAreOfThePacketsFamilyUnlessOthersAreWanted() throws {
        for (place, own) in [("[fd00::9]:1", AddressFamily.v6), ("10.0.0.9:1", .v4)] {
            var peer = try peer(at: place)
            #expect(try families(&peer, nil) == [own: 8])
            #expect(try families(&peer, [.v4]) == [.v4: 8])
            #expect(try families(&peer, [.v6]) == [.v6: 8])
            #expect(try families(&peer, [.v4, .v6]) == [.v4: 8, .v6: 8])
            #expect(try families(&peer, []) == [:])
        }
    }

    /// Four large answers a second for a /48, two seconds' worth at once, and half of that for a /64.
    @Test func whomNothingProvesDrawsLittle() throws {
        var peer = try peer()
        var large = 0
        for _ in 0..<20 {
            let answer = peer.ask(.findNode(target: peer.me), want: [.v4, .v6])
            guard case .reply(let reply)? = answer.body else { throw NoReply() }
            if answer.answered > 3 * answer.asked {
                large += 1
            } else {
                #expect(reply.nodes.count == 4)
                #expect(reply.nodes.allSatisfy { $0.endpoint.family == .v6 })
            }
        }
        #expect(large == 4)
        // Neighbours in the /48 have the rest, and no more.
        for number in 0..<20 {
            peer.endpoint = try endpoint("[2001:db8:14:\(number + 1)::1]:6881")
            let answer = peer.ask(.findNode(target: peer.me))
            if answer.answered > 3 * answer.asked { large += 1 }
        }
        #expect(large == 8)
        #expect(peer.node.counters.largeRefused == 32)
        // Who is known is not a forged sender.
        peer.endpoint = try endpoint("[2001:db8:1000::1]:6881")
        for _ in 0..<20 {
            let answer = peer.ask(.findNode(target: peer.me), want: [.v4, .v6])
            #expect(answer.answered > 3 * answer.asked)
        }
    }

    @Test func oneHouseholdMayAskHalfOfWhatItsRangeMay() throws {
        var peer = try peer()
        var answered = 0
        for _ in 0..<1000 where peer.ask(.ping).body != nil { answered += 1 }
        #expect(answered == 200)
        peer.endpoint = try endpoint("[2001:db8:14:7::1]:6881")
        for _ in 0..<1000 where peer.ask(.ping).body != nil { answered += 1 }
        #expect(answered == 400)
        peer.endpoint = try endpoint("[2001:db8:14:8::1]:6881")
        #expect(peer.ask(.ping).body == nil)
        peer.endpoint = try endpoint("[2001:db8:15::1]:6881")
        #expect(peer.ask(.ping).body != nil)
    }

    @Test func aTargetTakesFourProvidersOfAHouseholdAndEightOfARange() throws {
        var peer = try peer()
        var stored: [Int64?] = []
        for number in UInt8(1)...6 {
            stored.append(peer.put(try TestCards.signed(number, created: Self.unix), topic))
        }
        #expect(stored == [0, 0, 0, 0, 429, 429])
        for number in UInt8(7)...12 {
            peer.endpoint = try endpoint("[2001:db8:14:\(number)::1]:6881")
            stored.append(peer.put(try TestCards.signed(number, created: Self.unix), topic))
        }
        #expect(stored.dropFirst(6) == [0, 0, 0, 0, 429, 429])
        peer.endpoint = try endpoint("[2001:db8:99::1]:6881")
        #expect(peer.put(try TestCards.signed(13, created: Self.unix), topic) == 0)
    }

    @Test func aBucketTakesOneOfAHouseholdAndTwoOfARange() throws {
        var random = DHTRandom(seed: 9)
        let own = NodeID.random(using: &random)
        var table = RoutingTable(own: own)
        var entered: [Bool] = []
        for place in ["1:1::1", "1:1::2", "1:2::1", "1:3::1", "2:1::1"] {
            let contact = NodeContact(
                id: own.randomNeighbour(sharing: 0, using: &random),
                endpoint: try endpoint("[2001:db8:\(place)]:1"))
            entered.append(table.answered(contact, roundTrip: 1, isInfernet: true, now: 0))
        }
        #expect(entered == [true, false, true, false, true])
    }

    @Test func atokenIsForOneAddressOfOneFamily() throws {
        var peer = try peer()
        let token = peer.token()
        let card = try #require(CardRecord(try TestCards.signed(1, created: Self.unix)))
        for place in ["20.1.1.1:6881", "[2001:db8:14::102]:6881", "[2001:db8:14::101]:6882"] {
            peer.endpoint = try endpoint(place)
            #expect(peer.put(card.encoded, under: topic.key(), token: token) == 203)
        }
        peer.endpoint = try endpoint("[2001:db8:14::101]:6881")
        #expect(peer.put(card.encoded, under: topic.key(), token: token) == 0)
        // One store: what came by one network is handed out in the other.
        peer.endpoint = try endpoint("20.1.1.1:6881")
        #expect(peer.find(topic)?.cards.count == 1)
    }

    @Test func peersOfATorrentStayInTheirNetwork() throws {
        var peer = try peer()
        for place in ["[2001:db8:14::101]:6881", "20.1.1.1:6881"] {
            peer.endpoint = try endpoint(place)
            let token = peer.token()
            _ = peer.ask(.announcePeer(infoHash: peer.me, port: 7000, token: token))
            guard case .reply(let reply)? = peer.ask(.getPeers(infoHash: peer.me)).body else {
                throw NoReply()
            }
            #expect(reply.values == [Endpoint(peer.endpoint.address, port: 7000)])
        }
    }

    /// A path of IPv6 must carry 1280 bytes, of which 48 are headers.
    @Test func noAnswerIsLargerThanAPathOfIPv6MustCarry() throws {
        var peer = try peer(at: "[fd00::9]:1")
        let author = Curve25519.Signing.PrivateKey()
        for size in [1, 500, 900, 950, 990, 996] {
            let value = Array("\(size):".utf8) + [UInt8](repeating: 7, count: size)
            let text = MainlineItem.signed(value: value, salt: [], sequence: .max)
            let item = MainlineItem(
                value: value,
                proof: .init(
                    key: Array(author.publicKey.rawRepresentation), salt: [], sequence: .max,
                    signature: Array(try author.signature(for: text))))
            try peer.node.items.put(
                item, swap: nil, from: peer.endpoint, own: peer.node.sides.ids, now: peer.now.milliseconds)
            let answer = peer.ask(.get(target: item.target, newerThan: nil), want: [.v4, .v6])
            guard case .reply(let reply)? = answer.body else { throw NoReply() }
            #expect(reply.item == item)
            #expect(answer.answered <= KRPCMessage.maximumItemPacket(.v6), "\(size)")
            // The longest transaction has 18 bytes more than this one; then `ip` and its 25 bytes are left out.
            #expect(answer.answered + 18 - 25 <= KRPCMessage.maximumItemPacket(.v6), "\(size)")
            #expect(reply.nodes.isEmpty == (size > 900))
            // The newest of an author is the only one.
            peer.node.items = MainlineItemStore()
        }
    }

    @Test func whereWeAreIsCountedByWhatLasts() throws {
        var vote = AddressVote()
        for number in 1...4 {
            #expect(vote.winner == nil)
            vote.hear(
                try endpoint("[2001:db8:77:1::\(number)]:9200"),
                from: try endpoint("[2001:db8:\(number)::1]:1"))
        }
        #expect(vote.winner == IPAddress("2001:db8:77:1::"))
        #expect(vote.latest == (try endpoint("[2001:db8:77:1::4]:9200")))
        // One landlord has one voice.
        for number in 1...20 {
            vote.hear(
                try endpoint("[2001:db8:66:1::1]:9200"), from: try endpoint("[2001:db8:5:\(number)::1]:1"))
        }
        #expect(vote.winner == IPAddress("2001:db8:77:1::"))
    }

    @Test func withoutASocketOfAFamilyNothingLeavesByIt() throws {
        var peer = TestPeer()
        peer.feed(.command(.bootstrap([try endpoint("[2001:db8::1]:1")])))
        #expect(peer.sent.isEmpty)
        let provider = try TestCards.key(1).publicKey
        peer.feed(
            .command(.probe([StatusTarget(provider: provider, endpoint: try endpoint("[2001:db8::1]:1"))], 1))
        )
        #expect(peer.sent.isEmpty)
        #expect(peer.probed?.map(\.end) == [.unreachable])
    }

    @Test func whoKnowsADoorOfOneNetworkEntersBoth() throws {
        var options = VirtualNetwork.Options(loss: 0)
        options.dualShare = 1
        var network = VirtualNetwork.joined(30, seed: 31, options: options)
        let index = network.add()
        network.feed(index, .command(.bootstrap([try #require(network.members[0].endpoint(.v4))])))
        network.run(30_000)
        let node = network.members[index].node.snapshot(now: network.moment)
        #expect(node.count(.good, .v4) >= 8)
        #expect(node.count(.good, .v6) >= 8)
        // The others know it in both, so that its card goes to both.
        let report = try network.announce(index, TestCards.fake(1, created: network.moment.unixSeconds))
        #expect(report.topics.allSatisfy { $0.stored == 16 })
    }

    @Test(arguments: [1, 2] as [UInt64])
    func everybodyFindsWhomHeHasAWayTo(_ seed: UInt64) throws {
        var options = VirtualNetwork.Options(loss: 0.01)
        (options.sixShare, options.dualShare) = (0.2, 0.3)
        let trial = Trial(
            nodes: 200, dead: 0.2, searches: 100, seed: seed, growth: .joined, options: options)
        let outcome = try trial.run()
        #expect(outcome.found == 100)
    }

    @Test func idsFollowFromBothAddresses() throws {
        var options = VirtualNetwork.Options(loss: 0)
        (options.boundIDs, options.dualShare) = (false, 1)
        var network = VirtualNetwork.joined(40, seed: 22, options: options)
        network.run(120_000)
        for member in network.members {
            for place in member.endpoints { #expect(member.node.id(place.family).isBound(to: place)) }
            #expect(member.node.id(.v4) != member.node.id(.v6))
        }
    }
}
