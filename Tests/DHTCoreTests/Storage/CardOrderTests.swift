// Proves in which order a node hands out the cards of a crowd: each address range as often first as any other, however many
// cards it has put there.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct CardOrderTests {
    private let topic = Topic.name("smollm2")
    private let now = Moment(milliseconds: 1_000_000, unixSeconds: 1_800_000_000)

    private func put(_ number: Int, from range: UInt32, into store: inout CardStore) throws {
        let card = try #require(CardRecord(TestCards.fake(number, created: now.unixSeconds)))
        let source = Endpoint(address: 0x1401_0001 + range << 8, port: 6881)
        try store.put(card, under: topic.key(), from: source, now: now) { _ in true }
    }

    /// Eight ranges with eight cards each, and one card from a ninth: it is among the first four as often as chance among
    /// ranges has it, which is four times of nine.
    @Test func aRangeIsFirstAsOftenAsAnotherHoweverManyCardsItHas() throws {
        var store = CardStore()
        for number in 0..<64 { try put(number, from: UInt32(1 + number % 8), into: &store) }
        try put(99, from: 0, into: &store)
        let single = TestCards.author(99)
        var (among, firstNine) = (0, 0)
        for seed in Int64(0)..<900 {
            let cards = store.find(
                topic.key(), seed: seed, offset: 0, limit: 9, unixNow: now.unixSeconds
            ).cards.map(\.event.pubkey)
            if cards.contains(single) { firstNine += 1 }
            if cards.prefix(4).contains(single) { among += 1 }
        }
        #expect(firstNine == 900)
        #expect((340...460).contains(among))
    }

    /// Of one range, each card is its first as often as any other.
    @Test func ofOneRangeEachCardHasItsTurn() throws {
        var store = CardStore()
        for number in 0..<4 { try put(number, from: 1, into: &store) }
        for number in 4..<8 { try put(number, from: 2, into: &store) }
        var firsts: [PublicKey: Int] = [:]
        for seed in Int64(0)..<800 {
            let found = store.find(topic.key(), seed: seed, offset: 0, limit: 1, unixNow: now.unixSeconds)
            for card in found.cards { firsts[card.event.pubkey, default: 0] += 1 }
        }
        #expect(firsts.count == 8)
        #expect(firsts.values.allSatisfy { (60...140).contains($0) })
    }
}
