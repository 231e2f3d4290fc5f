// Proves what own experience makes of a provider: numbers against another implementation's, fading, and bounds.

import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct ExperienceTests {
    private static let day: Int64 = 86_400

    private static func key(_ number: Int) -> PublicKey { PublicKey(xOnly: Digest(hashing: "\(number)")) }

    private static func experience(good: Int, bad: Int, at: Int64 = 0) -> Experience {
        Experience(good: Double(good), bad: Double(bad), at: at)
    }

    /// From scipy.stats.beta.ppf(0.05, a, b).
    @Test(arguments: [
        (1.0, 2.0, 0.02532056551910361), (6, 2, 0.47929702640869287), (11, 2, 0.6613193315659674),
        (1, 7, 0.007300831979014702), (11, 7, 0.41970535162617245), (51, 7, 0.8027774801930636),
        (51, 2, 0.9119910692428064), (1, 102, 0.0005027490145125837), (501, 2, 0.9905852359187903),
        (1.5, 2.25, 0.06853765982001687), (3000.5, 40, 0.9832737249071027),
    ])
    func quantilesAgreeWithSciPy(_ alpha: Double, _ beta: Double, _ expected: Double) {
        let found = BetaDistribution(alpha: alpha, beta: beta).quantile(0.05)
        #expect(abs(found - expected) < 1e-8, "\(found)")
    }

    @Test func theDistributionIsOne() {
        for (alpha, beta) in [(0.3, 0.7), (1, 1), (2, 30), (400, 3), (20_481, 2), (1, 40_000)] {
            let believed = BetaDistribution(alpha: alpha, beta: beta)
            #expect(believed.cumulative(0) == 0 && believed.cumulative(1) == 1)
            var last = 0.0
            for step in 1...200 {
                let value = believed.cumulative(Double(step) / 200)
                #expect(value >= last - 1e-12 && value <= 1 + 1e-12)
                last = value
            }
        }
        #expect(abs(BetaDistribution(alpha: 1, beta: 1).quantile(0.3) - 0.3) < 1e-9)
    }

    @Test func jobsThatGoWellRaiseTheScoreAndFailuresLowerItForLonger() {
        var seen = Self.experience(good: 0, bad: 0)
        var score = seen.score(now: 0)
        #expect(score == ExperienceBook.newcomer)
        for _ in 0..<20 {
            seen.saw(success: true, now: 0)
            #expect(seen.score(now: 0) > score)
            score = seen.score(now: 0)
        }
        #expect(score > 0.9)
        seen.saw(success: false, now: 0)
        #expect(seen.score(now: 0) < score)
        // One of each: after three months the failure still counts half, the success an eighth.
        let old = Self.experience(good: 8, bad: 8).aged(to: 90 * Self.day)
        #expect(abs(old.good - 1) < 1e-9 && abs(old.bad - 4) < 1e-9)
        // A clock that was set back makes nothing younger, nor anything older than it is.
        let back = Self.experience(good: 4, bad: 4, at: 1_000).aged(to: 0)
        #expect((back.good, back.bad, back.at) == (4, 4, 1_000))
    }

    @Test func whatIsRememberedIsBounded() {
        var seen = Self.experience(good: 0, bad: 0)
        for _ in 0..<10_000 { seen.saw(success: true, now: 0) }
        #expect(seen.good <= Experience.most)
        let wild = Experience(good: .infinity, bad: -.nan, at: 0)
        #expect((wild.good, wild.bad) == (0, 0))
        #expect(Experience(good: 1e300, bad: -5, at: 0).score(now: .max) <= 1)
        var book = ExperienceBook()
        for number in 0..<(ExperienceBook.capacity + 10) {
            _ = book.saw(Self.key(number), success: true, now: Int64(number))
        }
        #expect(book.all(now: 5_000).count == ExperienceBook.capacity)
        let (oldest, later) = (book.score(Self.key(0), now: 5_000), book.score(Self.key(100), now: 5_000))
        #expect(oldest == nil && later != nil)
    }

    @Test func aScoreFadesInTheBookToo() throws {
        var book = ExperienceBook()
        for _ in 0..<10 { _ = book.saw(Self.key(1), success: true, now: 0) }
        let fresh = book.score(Self.key(1), now: 60)
        let faded = book.score(Self.key(1), now: 200 * Self.day)
        #expect(try #require(faded) < #require(fresh))
        let unknown = book.score(Self.key(2), now: 0)
        #expect(unknown == nil)
    }

    @Test func aGoodNameIsWorthSoMuchAndNoMore() {
        #expect(Trust.worth(nil, exploring: false) == Trust.unproven)
        #expect(Trust.worth(ExperienceBook.newcomer, exploring: false) == Trust.unproven)
        #expect(Trust.worth(0.9, exploring: false) == 0.9)
        // Who tries somebody new tries a newcomer, not one who failed.
        #expect(Trust.worth(nil, exploring: true) == 1)
        let failed = Self.experience(good: 0, bad: 1).score(now: 0)
        #expect(Trust.worth(failed, exploring: true) == Trust.mostlyFailed)
        let tried = (0..<20_000).count { Trust.explores(UInt64($0) &* 0xD134_2543_DE82_EF95) }
        #expect((850...1_150).contains(tried))
    }
}
