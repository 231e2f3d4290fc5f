// Proves that a store of cards that somebody has filled is still open to others.

import DHTSimulation
import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct FullStoreTests {
    private static let unix: Int64 = 1_800_000_000
    private let moment = Moment(milliseconds: 1_000_000, unixSeconds: unix)

    private static func source(_ range: UInt32) -> Endpoint {
        Endpoint(address: 0x0500_0001 | range << 8, port: 6881)
    }

    /// Puts the card of one author under its own key.
    private func put(
        _ number: UInt8, from range: UInt32, _ store: inout CardStore, at milliseconds: Int64 = 0
    ) throws -> KRPCError? {
        let card = try #require(CardRecord(try TestCards.signed(number, created: Self.unix)))
        let key = Topic.provider(card.event.pubkey).key()
        let now = Moment(milliseconds: moment.milliseconds + milliseconds, unixSeconds: Self.unix)
        do {
            try store.put(card, under: key, from: Self.source(range), now: now) { _ in true }
            return nil
        } catch { return error }
    }

    @Test func whoFilledItGivesWay() throws {
        var limits = CardStore.Limits()
        limits.total = 6
        var store = CardStore(limits: limits)
        for number in 1...6 {
            let refused = try put(UInt8(number), from: 2, &store, at: Int64(number))
            #expect(refused == nil)
        }
        let more = try put(7, from: 2, &store, at: 7)
        #expect(more == .targetFull, "the range that holds it all gets no more")
        for (number, range) in [(8, 3), (9, 4), (10, 3)] {
            let refused = try put(UInt8(number), from: UInt32(range), &store, at: Int64(number))
            #expect(refused == nil, "others find a place")
        }
        #expect(store.count == 6)
        // Ranges 2, 3 and 4 hold three, two and one: the next place is range 4's, and not range 3's.
        let third = try put(11, from: 3, &store, at: 11)
        #expect(third == .targetFull)
        let second = try put(12, from: 4, &store, at: 12)
        #expect(second == nil && store.count == 6)
        // The oldest of the range that gave way have gone.
        for (number, isThere) in [(1, false), (4, false), (5, true), (8, true), (12, true)] {
            let author = try TestCards.key(UInt8(number)).publicKey
            let found = store.find(
                Topic.provider(author).key(), seed: 1, offset: 0, limit: 1, unixNow: Self.unix)
            #expect(found.cards.isEmpty != isThere, "author \(number)")
        }
    }

    /// One signature must not buy a hundred places.
    @Test func aCardNamesEightModelsAtMost() throws {
        let key = try TestCards.key(1)
        let event = try TestCards.signed(1, created: Self.unix)
        var template = event.template
        for number in 0..<9 {
            template.tags.append(["model", "m\(number)", String(repeating: "0", count: 64)])
        }
        let card = try #require(CardRecord(try key.sign(template)))
        var store = CardStore()
        #expect {
            try store.put(
                card, under: Topic.provider(key.publicKey).key(), from: Self.source(2), now: moment
            ) { _ in true }
        } throws: { $0 as? KRPCError == .notACard }
    }
}
