// Proves that what was searched is remembered for so long and no longer, and forgotten with a failure.

import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct SearchesTests {
    static let (a, b) = (PublicKey(xOnly: Digest(hashing: "a")), PublicKey(xOnly: Digest(hashing: "b")))

    @Test func aSearchCountsForHalfAMinute() {
        var searches = Searches()
        searches.brought("m", [Self.a], leftOut: ["full: 1"], now: 1_000)
        #expect(
            searches.last("m", now: 30_999) == .init(providers: [Self.a], leftOut: ["full: 1"], at: 1_000))
        #expect(searches.last("m", now: 31_000) == nil)
        #expect(searches.last("m", now: 999) == nil, "a clock that was set back makes nothing young")
        #expect(searches.last("other", now: 1_000) == nil)
        searches.brought("m", [], leftOut: [], now: 2_000)
        #expect(searches.last("m", now: 2_000) == nil, "that there is nobody is not remembered")
    }

    @Test func itIsMadeAgainBehindTheJobsByOneOfThem() {
        var searches = Searches()
        searches.brought("m", [Self.a], leftOut: [], now: 0)
        let young = searches.shouldRenew("m", now: 4_999)
        let (first, second) = (searches.shouldRenew("m", now: 5_000), searches.shouldRenew("m", now: 5_001))
        searches.gaveUp("m")
        let third = searches.shouldRenew("m", now: 5_002)
        #expect(!young && first && !second && third)
        searches.brought("m", [Self.b], leftOut: [], now: 6_000)
        let renewed = searches.shouldRenew("m", now: 7_000)
        #expect(!renewed && searches.last("m", now: 7_000)?.providers == [Self.b])
    }

    @Test func whereAJobFailedIsForgotten() {
        var searches = Searches()
        searches.brought("m", [Self.a, Self.b], leftOut: [], now: 0)
        searches.brought("n", [Self.a], leftOut: [], now: 0)
        searches.heard([Self.a: .unsaid("x"), Self.b: .unsaid("y")], now: 0)
        searches.forget(Self.a)
        #expect(searches.last("m", now: 1)?.providers == [Self.b] && searches.last("n", now: 1) == nil)
        #expect(searches.standing(of: Self.a, now: 1) == nil)
        #expect(searches.standing(of: Self.b, now: 999) == .unsaid("y"))
        #expect(searches.standing(of: Self.b, now: 1_000) == nil)
    }

    @Test func noMoreIsRememberedThanThereIsRoomFor() {
        var searches = Searches()
        for number in 0...Searches.capacity {
            searches.brought("\(number)", [Self.a], leftOut: [], now: Int64(number))
        }
        let now = Int64(Searches.capacity)
        #expect(searches.last("0", now: now) == nil && searches.last("1", now: now) != nil)
    }
}
