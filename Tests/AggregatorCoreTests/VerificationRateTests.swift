// Proves how often answers are checked: all until ten in a row were right, then as BOINC has it, and all again after a wrong one.

import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct VerificationRateTests {
    private let day: Int64 = 86_400
    private let key = VerificationBook.Key(
        provider: PlannerTests.own, model: Digest(hashing: "a model"))

    private func rate(after right: Int) -> VerificationRate {
        var rate = VerificationRate(at: 0)
        for _ in 0..<right { rate.saw(right: true, now: 0) }
        return rate
    }

    @Test func theFirstTenAreAllChecked() {
        for right in 0..<10 { #expect(rate(after: right).share(score: 0.9, now: 0) == 1, "after \(right)") }
        #expect(rate(after: 10).share(score: 0.9, now: 0) == 0.1)
        #expect(rate(after: 25).share(score: 0.9, now: 0) == 0.04)
        #expect(rate(after: 40).share(score: nil, now: 0) == 0.025)
        #expect(rate(after: 5_000).share(score: 0.9, now: 0) == VerificationRate.least)
        #expect(rate(after: 5_000).consecutive == VerificationRate.most)
    }

    @Test func aWrongOneBringsAllChecksBack() {
        var rate = rate(after: 40)
        rate.saw(right: false, now: 1)
        #expect(rate.consecutive == 0 && rate.share(score: 0.9, now: 1) == 1)
        rate.saw(right: true, now: 2)
        #expect(rate.consecutive == 1)
    }

    @Test func whoHasFailedOtherwiseIsCheckedLikeAStranger() {
        #expect(rate(after: 40).share(score: ExperienceBook.newcomer * 0.8, now: 0) == 1)
        #expect(rate(after: 40).share(score: ExperienceBook.newcomer, now: 0) == 0.025)
    }

    @Test func oldAnswersFade() {
        let rate = rate(after: 40)
        #expect(rate.share(score: 0.9, now: 30 * day) == 0.05)
        #expect(rate.share(score: 0.9, now: 90 * day) == 1)
        // A clock that was set back makes nothing better.
        #expect(VerificationRate(consecutive: 40, at: 100).share(score: 0.9, now: 0) == 0.025)
        #expect(VerificationRate(consecutive: .nan, at: 0).share(score: nil, now: 0) == 1)
        #expect(VerificationRate(consecutive: -3, at: 0).consecutive == 0)
    }

    @Test func theLotDecidesByTheShareAndOneLieCountsForAllModels() {
        var book = VerificationBook()
        let other = VerificationBook.Key(provider: key.provider, model: Digest(hashing: "another"))
        let honest = VerificationBook.Key(provider: PublicKey(xOnly: Digest(hashing: "x")), model: key.model)
        #expect(book.checks(key, drawn: 0.999, score: nil, now: 0))
        for each in [key, other, honest] {
            for _ in 0..<20 { _ = book.saw(each, right: true, now: 0) }
        }
        #expect(book.checks(key, drawn: 0.0499, score: nil, now: 0))
        #expect(!book.checks(key, drawn: 0.05, score: nil, now: 0))
        let changed = book.saw(other, right: false, now: 0)
        #expect(Set(changed.keys) == [key, other] && changed.values.allSatisfy { $0.consecutive == 0 })
        #expect(book.checks(key, drawn: 0.999, score: nil, now: 0))
        #expect(!book.checks(honest, drawn: 0.5, score: nil, now: 0))
    }

    @Test func theBookDoesNotGrowForEver() {
        var book = VerificationBook()
        for number in 0..<VerificationBook.capacity + 10 {
            let key = VerificationBook.Key(
                provider: PublicKey(xOnly: Digest(hashing: "\(number)")), model: key.model)
            _ = book.saw(key, right: true, now: Int64(number))
        }
        #expect(book.rates.count == VerificationBook.capacity)
        #expect(book.rates.values.map(\.at).min() == 10)
    }

    /// A hundred jobs, and a thousand: what all this costs somebody honest.
    @Test func whatItCosts() {
        for (jobs, most) in [(100, 0.30), (1_000, 0.06)] {
            var (rate, checked) = (VerificationRate(at: 0), 0)
            var random = SplitMix(seed: 5)
            for _ in 0..<jobs
            where Double.random(in: 0..<1, using: &random) < rate.share(score: 0.9, now: 0) {
                checked += 1
                rate.saw(right: true, now: 0)
            }
            let share = Double(checked) / Double(jobs)
            print(
                "figure: of \(jobs) jobs at one honest provider \((share * 1000).rounded() / 10) % are checked"
            )
            #expect(share < most)
        }
    }
}
