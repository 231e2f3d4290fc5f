// Proves that a topic with more providers than a node keeps is found whole, and every provider about as often as any other.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct ShardTests {
    private let topic = Topic.name("smollm2")

    /// Sixty providers of one model, where a node keeps twenty and calls ten a crowd.
    private func crowd() -> VirtualNetwork {
        var options = VirtualNetwork.Options(loss: 0)
        options.configuration.cardLimits.crowd = 10
        options.configuration.cardLimits.perTarget = 20
        var network = VirtualNetwork.joined(80, seed: 41, options: options)
        for number in 0..<60 {
            let card = TestCards.fake(number, created: network.moment.unixSeconds)
            _ = network.begin(number) { .announce(card, $0) }
            network.run(500)
        }
        // Who came before the crowd learns of it when he announces again.
        network.run(11 * 60_000)
        return network
    }

    @Test func everyProviderOfACrowdedTopicIsFoundAboutAsOften() throws {
        var network = crowd()
        var times: [PublicKey: Int] = [:]
        for number in 0..<200 {
            let report = try network.find(60 + number % 20, topic, limit: 8)
            #expect(report.cards.count == 8)
            #expect(Set(report.cards.map(\.pubkey)).count == 8)
            for card in report.cards { times[card.pubkey, default: 0] += 1 }
        }
        let counts = times.values.sorted()
        print(
            "60 providers, 200 searches for 8: each found", counts.first ?? 0, "to", counts.last ?? 0, "times"
        )
        #expect(counts.count == 60)
        #expect((counts.last ?? 0) <= 100)
    }

    @Test func aTopicThatIsNotCrowdedIsSearchedOnce() throws {
        var network = VirtualNetwork.joined(40, seed: 42, options: .init(loss: 0))
        _ = try network.announce(3, TestCards.fake(1, created: network.moment.unixSeconds))
        let report = try network.find(20, topic, limit: 1)
        #expect(report.cards.count == 1)
        #expect(report.asked <= 16)
    }

    @Test func aCardBelongsIntoTheShardOfItsAuthorAlone() throws {
        var peer = TestPeer()
        let event = try TestCards.signed(1, created: 1_800_000_000)
        let card = try #require(CardRecord(event)).encoded
        let token = peer.token()
        var taken: [String] = []
        for bits in ["0", "1", "00", "01", "10", "11"] {
            let call = KRPCQuery.Call.infPut(
                target: topic.key(shardBits: bits), token: token, card: card, depth: bits.count)
            switch peer.ask(call).body {
            case .reply: taken.append(bits)
            case .error(let error): #expect(error.code == .protocolError)
            default: Issue.record("no answer")
            }
        }
        #expect(taken.count == 2)
        #expect(taken[1].hasPrefix(taken[0]))
    }

    @Test func nobodyIsBelievedThatThereIsNothing() throws {
        // Whoever is asked first hides the card; others have it.
        let trial = Trial(nodes: 300, dead: 0, searches: 200, seed: 23, growth: .settled)
        var network = trial.network()
        trial.announce(in: &network, providers: 200)
        network.corrupt(share: 0.3)
        #expect(try trial.search(&network).share >= 0.97)
    }
}
