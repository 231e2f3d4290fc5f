// Proves that pages are shared out among those who have cards, that what one did not give is asked of another, and that no
// number that a stranger names makes for more questions.

import NodeModel
import Testing

@testable import DHTCore

@Suite struct PagePlanTests {
    private static func contact(_ number: UInt32) -> NodeContact {
        var random = DHTRandom(seed: UInt64(number))
        return NodeContact(
            id: NodeID.random(using: &random),
            endpoint: Endpoint(address: 0x1401_0000 + number << 8, port: 6881))
    }

    private static func plan(_ matches: [Int]) -> PagePlan {
        var plan = PagePlan()
        for (number, count) in matches.enumerated() {
            plan.met(contact(UInt32(number)), token: [UInt8(number)], matches: count, gave: false)
        }
        return plan
    }

    /// Which of the holders a page goes to, by its token.
    private static func holder(_ page: PagePlan.Page) -> Int { Int(page.token[0]) }

    /// What would be asked for two cards more.
    private static func ask(_ plan: inout PagePlan) -> PagePlan.Page? {
        plan.next(known: 0, missing: 2, most: 16)
    }

    /// Asks for all that is wanted, of holders that have one list of cards, less what each lacks.
    /// - Parameter losing: from which place on the first holder's first answer is lost.
    private static func run(
        _ plan: inout PagePlan, lists: [[Int]], wanted: Int, known first: Set<Int> = [], losing: Int? = nil
    ) -> (known: Set<Int>, askedOf: [Int]) {
        var lost = losing
        var (known, asked) = (first, [Int](repeating: 0, count: lists.count))
        while true {
            var pages: [PagePlan.Page] = []
            while let page = plan.next(known: known.count, missing: wanted - known.count, most: wanted) {
                pages.append(page)
            }
            if pages.isEmpty { return (known, asked) }
            for page in pages {
                asked[holder(page)] += 1
                if holder(page) == 0, page.offset == lost {
                    lost = nil
                    plan.isLate(page)
                    plan.lost(page)
                    continue
                }
                let cards = lists[holder(page)].dropFirst(page.offset).prefix(2)
                _ = plan.came(page, .init(good: cards.count, new: Set(cards).subtracting(known).count))
                known.formUnion(cards)
            }
        }
    }

    @Test func thePlacesAreSharedOutAmongTheHolders() {
        var plan = Self.plan([100, 100, 100, 100])
        let all = [[Int]](repeating: Array(0..<100), count: 4)
        let (known, asked) = Self.run(&plan, lists: all, wanted: 64)
        #expect(known == Set(0..<64))
        #expect(asked == [8, 8, 8, 8])
    }

    @Test func whatFellBetweenTwoHoldersIsFound() {
        // None has all; the first has most.
        let lists = [
            (0..<40).filter { $0 != 39 }, (0..<40).filter { $0 % 5 != 1 }, (0..<40).filter { $0 % 7 != 0 },
        ]
        var plan = Self.plan(lists.map(\.count))
        let (known, asked) = Self.run(&plan, lists: lists, wanted: 64)
        #expect(known == Set(0..<40))
        #expect(asked.reduce(0, +) <= 64)
    }

    /// A packet in a hundred is lost. What was on it is asked of another, who may have other cards at that place; then the
    /// first still has to say what he has there.
    @Test func aPlaceWhoseAnswerWasLostIsAskedForAgain() {
        let lists = [Array(0..<12), Array(6..<12)]
        for place in [0, 4] {
            var plan = Self.plan(lists.map(\.count))
            let (known, asked) = Self.run(&plan, lists: lists, wanted: 16, losing: place)
            #expect(known == Set(0..<12))
            #expect(asked.reduce(0, +) <= 16)
        }
    }

    @Test func whoHasTheLastOneIsAskedThoughHeSaidMuchThatWasKnown() {
        // All but one came along with the way; the first alone has that one, at the very end.
        let lists = [Array(0..<16), Array(0..<15), Array(0..<15)]
        var plan = Self.plan(lists.map(\.count))
        let (known, asked) = Self.run(&plan, lists: lists, wanted: 64, known: Set(0..<15))
        #expect(known == Set(0..<16))
        #expect(asked.reduce(0, +) <= 16)
    }

    @Test func whoPromisesAndGivesNothingIsLeftAlone() {
        let lists = [[], Array(0..<30)]
        var plan = Self.plan([60_000, 30])
        let (known, asked) = Self.run(&plan, lists: lists, wanted: 64)
        #expect(known == Set(0..<30))
        // Those that were open at once, and no more.
        #expect(asked[0] <= 4)
    }

    @Test func whoGivesTheSameAgainAndAgainIsLeftAlone() {
        var plan = Self.plan([60_000])
        var pages = 0
        while let page = plan.next(known: 1, missing: 15, most: 16) {
            pages += 1
            _ = plan.came(page, .init(good: 2, new: 0))
        }
        #expect(pages == 2)
    }

    @Test func whatCameWithTheWayIsNotAskedForAgain() throws {
        var plan = PagePlan()
        plan.met(Self.contact(1), token: [1], matches: 50, gave: true)
        #expect(try #require(Self.ask(&plan)).offset == 1)
    }

    @Test func thereAreNeverMorePagesThanCardsAreWanted() {
        var plan = Self.plan([500, 500])
        var pages = 0
        // One large card in each.
        while let page = plan.next(known: pages, missing: 200 - pages, most: 24) {
            pages += 1
            _ = plan.came(page, .init(good: 1, new: 1))
        }
        #expect(pages == 24)
        #expect(plan.asked == 24)
    }

    @Test func aLatePageIsAskedOfAnotherAndTakenWhenItComes() throws {
        var plan = Self.plan([50, 50])
        let first = try #require(Self.ask(&plan))
        let none = Self.ask(&plan)
        #expect(none == nil)
        plan.isLate(first)
        #expect(plan.open == 0)
        let second = try #require(Self.ask(&plan))
        #expect(Self.holder(second) != Self.holder(first))
        #expect(second.offset == first.offset)
        _ = plan.came(first, .init(good: 2, new: 2))
        _ = plan.came(second, .init(good: 2, new: 0))
        #expect(plan.open == 0)
    }

    @Test func aLostPageIsAskedOfAnother() throws {
        var plan = Self.plan([50, 50])
        let first = try #require(Self.ask(&plan))
        plan.isLate(first)
        plan.lost(first)
        #expect(plan.open == 0)
        let second = try #require(Self.ask(&plan))
        #expect(Self.holder(second) != Self.holder(first) && second.offset == first.offset)
    }

    @Test func whoIsSilentOnceIsAskedAgainAndTwiceIsNot() throws {
        var plan = Self.plan([50])
        for _ in 0..<2 {
            let page = try #require(Self.ask(&plan))
            plan.lost(page)
        }
        let third = Self.ask(&plan)
        #expect(third == nil)
    }

    @Test func whoHasNoMoreThanIsKnownIsNotAsked() {
        var plan = Self.plan([8, 8])
        let page = plan.next(known: 8, missing: 56, most: 64)
        #expect(page == nil)
    }
}
