// Proves that a node's own card gets out, stays fresh, comes back on goodbye, and is never a bad one.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct AnnounceTests {
    private static let unix: Int64 = VirtualNetwork.unixStart
    private let topic = Topic.name("smollm2")

    private func fake(_ number: Int, _ network: VirtualNetwork, lifetime: Int64 = 1200) -> SignedEvent {
        TestCards.fake(number, created: network.moment.unixSeconds, lifetime: lifetime)
    }

    @Test func aLoneNodeKeepsItsCardAndFindsIt() throws {
        var network = VirtualNetwork(seed: 1)
        let alone = network.add()
        let card = fake(1, network)
        let report = try network.announce(alone, card, wait: 0)
        #expect(report.stored == 0)
        #expect(report.topics.map(\.topic).count == 3)
        #expect(try network.find(alone, topic).cards == [card])
    }

    @Test func whoComesLaterGetsTheCardWithoutBeingAsked() throws {
        var network = VirtualNetwork(seed: 2, options: .init(loss: 0))
        let provider = network.add()
        let card = fake(1, network)
        _ = try network.announce(provider, card, wait: 0)
        let client = network.add()
        network.feed(client, .command(.bootstrap([network.members[provider].endpoint])))
        network.run(8_000)
        #expect(network.members[client].node.snapshot(now: network.moment).storedCards == 3)
        // Even with the provider gone its card is found, until it expires.
        network.kill(provider)
        #expect(try network.find(client, topic).cards == [card])
        network.run(1_300_000)
        #expect(try network.find(client, topic).cards.isEmpty)
    }

    @Test func aCardThatOthersWouldRefuseDoesNotLeave() throws {
        var peer = TestPeer()
        func refusal(_ event: SignedEvent) -> Int64? {
            peer.feed(.command(.announce(event, 1)))
            for case .announced(1, .failure(let error)) in peer.actions { return error.code.rawValue }
            return nil
        }
        let good = try TestCards.signed(1, created: 1_800_000_000)
        let other = try TestCards.signed(2, created: 1_800_000_000)
        #expect(refusal(SignedEvent(good.template, signature: Hex.decode(other.sig) ?? [])) == 206)
        #expect(refusal(try TestCards.signed(1, created: 1_800_000_000, lifetime: 9999)) == 203)
        let big = try TestCards.signed(
            1, created: 1_800_000_000, extra: [["x", String(repeating: "x", count: 900)]])
        #expect(refusal(big) == 205)
        #expect(refusal(good) == nil)
        #expect(refusal(try TestCards.signed(1, created: 1_799_999_999)) == 302)
    }

    @Test func aRefusalForHasteIsMadeGoodLater() throws {
        var network = VirtualNetwork.joined(12, seed: 3, options: .init(loss: 0))
        _ = try network.announce(4, fake(1, network), wait: 5_000)
        network.run(1_000)
        let newer = fake(1, network)
        let report = try network.announce(4, newer, wait: 5_000)
        #expect(report.stored == 0)
        #expect(report.refusals.map(\.error.code) == [.slowDown])
        network.run(40_000)
        // The provider itself is gone: the newer card comes from those who refused it first.
        network.kill(4)
        #expect(try network.find(9, topic).cards == [newer])
    }

    /// The second of a range that may have one card under a topic.
    @Test func whoFindsNoRoomAsksMoreAndMoreSeldomAndGetsInWhenThereIs() throws {
        var options = VirtualNetwork.Options(loss: 0)
        options.configuration.groups.perTarget = 1
        var network = VirtualNetwork.joined(12, seed: 3, options: options)
        let (first, second) = (
            network.add(at: Endpoint(address: 0x1401_0101, port: 6881)),
            network.add(at: Endpoint(address: 0x1401_0102, port: 6881))
        )
        for index in [first, second] {
            network.feed(index, .command(.bootstrap([network.members[0].endpoint])))
        }
        network.run(30_000)
        let (mine, other) = (fake(1, network), fake(2, network))
        #expect(try network.announce(first, mine).refusals.isEmpty)
        #expect(try network.announce(second, other).refusals.map(\.error.code) == [.slowDown])
        func puts() -> Int { network.members[second].node.counters.queriesOut[.infPut] ?? 0 }
        let atOnce = puts()
        network.run(10 * 60_000)
        // After half a minute, one, two and four; the first announcement and its repetition were two.
        #expect(puts() - atOnce <= 3 * atOnce)
        network.feed(first, .command(.withdraw))
        network.run(6 * 60_000)
        network.kill(second)
        #expect(try network.find(9, topic).cards == [other])
    }

    @Test func cardsOfTheDeadAreNotHandedOutUntilTheyExpire() throws {
        var network = VirtualNetwork.joined(40, seed: 6, options: .init(loss: 0))
        _ = try network.announce(7, fake(1, network))
        network.kill(7)
        // Before it missed an announcement of its own nobody can know; then its holders ask, and it is silent.
        network.run(5 * 60_000)
        #expect(try network.find(20, topic).cards.count == 1)
        network.run(2 * 60_000)
        #expect(try network.find(20, topic).cards.isEmpty)
        let cards = network.members.indices.filter { $0 != 7 }
            .map { network.members[$0].node.snapshot(now: network.moment).storedCards }
        #expect(cards.allSatisfy { $0 == 0 })
    }

    @Test func whoKeepsAnnouncingIsNeverAskedForIt() throws {
        var network = VirtualNetwork.joined(40, seed: 6, options: .init(loss: 0))
        _ = try network.announce(7, fake(1, network))
        let holders = network.members.indices.filter {
            $0 != 7 && network.members[$0].node.snapshot(now: network.moment).storedCards > 0
        }
        network.run(18 * 60_000)
        // The card was never renewed, only put again, and still everybody has it.
        #expect(!holders.isEmpty)
        #expect(
            holders.allSatisfy { network.members[$0].node.snapshot(now: network.moment).storedCards > 0 })
    }

    @Test func goodbyesTakeNodeAndCardsOutOfTheNetwork() throws {
        var network = VirtualNetwork.joined(40, seed: 4, options: .init(loss: 0))
        _ = try network.announce(7, fake(1, network), wait: 5_000)
        #expect(try network.find(30, topic).cards.count == 1)
        network.feed(7, .command(.leave))
        network.kill(7)
        network.run(5_000)
        let report = try network.find(30, topic)
        #expect(report.cards.isEmpty)
        let endpoint = network.members[7].endpoint
        let ghosts = network.members.filter { member in
            member.alive && member.node.snapshot(now: network.moment).storedCards > 0
        }
        #expect(ghosts.isEmpty, "still held for \(endpoint)")
    }

    @Test func withdrawnCardsVanishButTheNodeStays() throws {
        var network = VirtualNetwork.joined(20, seed: 5, options: .init(loss: 0))
        _ = try network.announce(7, fake(1, network), wait: 5_000)
        network.feed(7, .command(.withdraw))
        network.run(2_000)
        #expect(try network.find(11, topic).cards.isEmpty)
        #expect(network.members[7].node.snapshot(now: network.moment).announced.isEmpty)
        #expect(network.members[7].node.snapshot(now: network.moment).count(.good) >= 8)
    }

    @Test(arguments: [6, 7, 8, 9, 10, 11] as [UInt64])
    func cardsAreRepeatedWhileTheyLive(_ seed: UInt64) throws {
        var network = VirtualNetwork.joined(60, seed: seed)
        _ = try network.announce(0, fake(1, network, lifetime: 1800), wait: 5_000)
        // Those who hold it die; the repetition finds others.
        let holders = network.members.indices.filter { index in
            index != 0 && network.members[index].node.snapshot(now: network.moment).storedCards > 0
        }
        #expect(holders.count >= 8)
        for index in holders { network.kill(index) }
        network.run(400_000)
        let fresh = network.members.indices.filter { index in
            index != 0 && network.members[index].alive
                && network.members[index].node.snapshot(now: network.moment).storedCards > 0
        }
        #expect(fresh.count >= 8)
    }
}
