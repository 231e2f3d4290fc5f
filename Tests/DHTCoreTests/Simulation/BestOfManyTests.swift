// Proves that a search brings as many providers as were wished for, or all that there are, out of all shards of a crowded
// topic, and what that costs in questions.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct BestOfManyTests {
    @Test(arguments: [0, 0.02])
    func allAreFoundWhenThereAreFewer(_ loss: Double) throws {
        var crowd = Crowd(.joined(100, seed: 51, options: .init(loss: loss)), providers: 40)
        let all = try crowd.search(64, times: 20)
        // A card that is lost on its way to most holders may be missed once.
        #expect(all.found.reduce(0, +) >= (loss == 0 ? 800 : 796))
        #expect(all.doubles == 0)
        #expect(all.queries.allSatisfy { $0 <= 128 })
        let some = try crowd.search(16, times: 20)
        #expect(some.found == Array(repeating: 16, count: 20))
        print("40 providers: all of them by", all.queries, "questions, 16 by", some.queries)
        // Ordinary searches must not pay for what large ones can.
        #expect(some.queries.reduce(0, +) <= 25 * some.queries.count)
    }

    /// 250 providers, where a node keeps sixty and calls thirty a crowd: eight to sixteen shards.
    @Test func soManyAsWereWishedForComeFromAllShards() throws {
        var options = VirtualNetwork.Options()
        options.configuration.cardLimits.crowd = 30
        options.configuration.cardLimits.perTarget = 60
        var crowd = Crowd(.joined(250, seed: 52, options: options), providers: 250, pace: 300)
        for (limit, quarters) in [(16, 2), (64, 4)] {
            for again in [false, true] {
                let outcome = try crowd.search(limit, times: 25, again: again)
                print(
                    "250 providers in a crowd,", limit, "wanted,", again ? "again:" : "first:",
                    outcome.queries,
                    "questions, from quarters", outcome.quarters)
                #expect(outcome.found == Array(repeating: limit, count: 25))
                #expect(outcome.doubles == 0)
                #expect(outcome.quarters.count { $0 >= quarters } >= 23)
                // A shard's lookup each, on the way down as well, and a page for a card at most.
                #expect(outcome.queries.allSatisfy { $0 <= 8 * 25 + limit })
            }
        }
    }
}
