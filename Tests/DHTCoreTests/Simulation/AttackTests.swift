// Proves that liars and floods do not hide a provider: spread over the key space, laid around a key, or in numbers.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct AttackTests {
    private func trial(_ searches: Int) -> Trial {
        Trial(nodes: 300, dead: 0, searches: searches, seed: 21, growth: .settled)
    }

    @Test func aThirdOfLiarsHidesNobody() throws {
        let trial = trial(100)
        var network = trial.network()
        network.corrupt(share: 0.3)
        trial.announce(in: &network, providers: 100)
        #expect(try trial.search(&network).share >= 0.99)
    }

    /// A card that is announced again is put at the ends of three disjoint paths, of which the ring must hold each.
    @Test func repeatedAnnouncementsGetPastARing() throws {
        func share(_ paths: Int) throws -> Double {
            var trial = trial(100)
            trial.options.configuration.paths.again = paths
            var network = trial.network()
            network.corrupt(share: 0.5)
            trial.announce(in: &network, providers: 100)
            network.run(6 * 60_000)
            return try trial.search(&network).share
        }
        let (one, three) = (try share(1), try share(3))
        #expect(one < 1)
        #expect(three > one)
    }

    @Test func idsOfChoiceDoNotSurroundAKey() throws {
        let trial = trial(1)
        var network = trial.network()
        network.besiege(.name("model-0"), count: 40, entitled: false)
        trial.announce(in: &network, providers: 1)
        #expect(try trial.search(&network, repeated: 100).share >= 0.99)
    }

    @Test func aCrowdFromFewRangesDrivesNobodyOut() throws {
        var configuration = DHTConfiguration()
        configuration.cardLimits.perTarget = 24
        var options = VirtualNetwork.Options(loss: 0)
        options.configuration = configuration
        var network = VirtualNetwork.joined(40, seed: 22, options: options)
        let honest = TestCards.fake(1, created: network.moment.unixSeconds)
        _ = try network.announce(10, honest)
        // Three ranges, eight cards each: the target is full, and all of theirs are newer.
        for number in 0..<24 {
            network.run(1_000)
            let card = TestCards.fake(100 + number, created: network.moment.unixSeconds)
            _ = network.begin(20 + number % 3) { .announce(card, $0) }
        }
        network.run(20_000)
        var among = 0
        for index in 23..<40 {
            let report = try network.find(index, .name("smollm2"), limit: 4)
            #expect(report.cards.count == 4)
            // The first of each of four ranges; by chance alone it would be one in six.
            if report.cards.contains(honest) { among += 1 }
        }
        #expect(among >= 12)
        // Whoever comes now from a range of his own gets in, too.
        let late = TestCards.fake(2, created: network.moment.unixSeconds - 60)
        #expect(try network.announce(11, late).topics.allSatisfy { $0.stored >= 8 })
    }
}
