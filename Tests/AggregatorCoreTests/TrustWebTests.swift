// Proves whose word counts: who is reached from own good jobs or a validator, in four steps, and nobody else, however many.

import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct TrustWebTests {
    private static let now: Int64 = 1_800_000_000
    private static let provider = key("provider")

    private static func key(_ name: String) -> PublicKey { PublicKey(xOnly: Digest(hashing: name)) }

    private static func word(
        _ outcome: Evidence.Outcome, by rater: PublicKey, on subject: PublicKey = provider, _ job: Int = 0,
        age: Int64 = 0
    ) -> Evidence {
        Evidence(
            counterfoil: Counterfoil(
                provider: subject, client: rater, receipt: Digest(hashing: "\(rater) \(subject) \(job)"),
                usage: Usage(promptTokens: 1, completionTokens: 1), price: 1, asset: .testCredit,
                finishedAt: now - age),
            signature: [], outcome: outcome, createdAt: now - age)
    }

    private static func words(
        _ count: Int, _ outcome: Evidence.Outcome, by rater: PublicKey, on subject: PublicKey = provider
    ) -> [Evidence] { (0..<count).map { word(outcome, by: rater, on: subject, $0) } }

    private static func hearsay(
        _ said: [PublicKey: [Evidence]], own: [PublicKey: Experience] = [:],
        validators: Set<PublicKey> = []
    ) -> Hearsay {
        var hearsay = Hearsay(validators: validators)
        for (subject, evidence) in said { hearsay.heard(evidence, on: subject, now: now) }
        hearsay.weigh(own, now: now)
        return hearsay
    }

    private static func proven(_ names: String...) -> [PublicKey: Experience] {
        Dictionary(uniqueKeysWithValues: names.map { (key($0), Experience(good: 20, at: now)) })
    }

    @Test(arguments: [Evidence.Outcome.ok, .wrong])
    func aCrowdOfFreshKeysMovesNothing(_ outcome: Evidence.Outcome) {
        let crowd = (0..<500).map { Self.key("crowd \($0)") }
        // They praise each other as well, all of them.
        var said = [Self.provider: crowd.map { Self.word(outcome, by: $0) }]
        for (number, one) in crowd.enumerated().prefix(100) {
            said[one] = Self.words(8, .ok, by: crowd[(number + 1) % 100], on: one)
        }
        let hearsay = Self.hearsay(said, own: Self.proven("friend"))
        #expect(hearsay[Self.provider] == nil)
        #expect(hearsay.all(on: Self.provider).ignored == 500)
        var book = ExperienceBook()
        #expect(book.score(Self.provider, with: hearsay[Self.provider], now: Self.now) == nil)
        for (good, bad) in [(0.0, 1.0), (3, 0), (20, 2)] {
            let experience = Experience(good: good, bad: bad, at: Self.now)
            #expect(
                experience.score(now: Self.now, with: hearsay.all(on: Self.provider))
                    == experience.score(now: Self.now))
        }
    }

    @Test func aValidatorsWordCountsAndOnesOwnJobsCountMore() {
        let validator = Self.key("validator")
        func score(_ outcome: Evidence.Outcome, own: Experience = Experience(at: Self.now)) -> Double {
            let hearsay = Self.hearsay(
                [Self.provider: Self.words(8, outcome, by: validator)], validators: [validator])
            return own.score(now: Self.now, with: hearsay[Self.provider])
        }
        let (good, bad) = (score(.ok), score(.wrong))
        #expect(Trust.isProven(good) && Trust.worth(bad, exploring: false) == Trust.mostlyFailed)
        // Ten own jobs outweigh eight of his.
        let own = Experience(good: 10, at: Self.now)
        #expect(score(.wrong, own: own) > ExperienceBook.newcomer)
        #expect(score(.ok, own: Experience(bad: 10, at: Self.now)) < ExperienceBook.newcomer)
    }

    /// Twenty friends who all lie: a stranger stays a stranger, a proven one is no worse than one, and praise has its end.
    @Test func friendsWhoLieDoNoMoreHarmThanIgnorance() {
        let friends = (0..<20).map { "friend \($0)" }
        let own = Dictionary(
            uniqueKeysWithValues: friends.map { (Self.key($0), Experience(good: 20, at: Self.now)) })
        func weighed(_ outcome: Evidence.Outcome) -> Hearsay.Weighed {
            let said = friends.flatMap { Self.words(8, outcome, by: Self.key($0)) }
            return Self.hearsay([Self.provider: said], own: own).all(on: Self.provider)
        }
        let (bad, good) = (weighed(.wrong), weighed(.ok))
        #expect(bad.bad == Hearsay.mostOfPeers && bad.believed == 20 && good.good == Hearsay.mostOfPeers)
        #expect(Experience(at: Self.now).score(now: Self.now, with: bad) == ExperienceBook.newcomer)
        #expect(Experience(good: 1, at: Self.now).score(now: Self.now, with: bad) >= ExperienceBook.newcomer)
        #expect(Trust.isProven(Experience(good: 3, at: Self.now).score(now: Self.now, with: bad)))
        #expect(Trust.isProven(Experience(at: Self.now).score(now: Self.now, with: good)))
        #expect(!Trust.isProven(Experience(bad: 1, at: Self.now).score(now: Self.now, with: good)))
    }

    @Test func nobodySaysMoreThanEightWords() {
        let validator = Self.key("validator")
        let many = Self.hearsay(
            [Self.provider: Self.words(50, .ok, by: validator)], validators: [validator])
        #expect(many.all(on: Self.provider).good == 8)
    }

    @Test func wordsFadeAndFailuresFadeSlower() {
        let validator = Self.key("validator")
        let day: Int64 = 86_400
        let said = [
            Self.word(.ok, by: validator, 1, age: 30 * day),
            Self.word(.wrong, by: validator, 2, age: 90 * day),
        ]
        let weighed = Self.hearsay([Self.provider: said], validators: [validator]).all(on: Self.provider)
        #expect(abs(weighed.good - 0.5) < 1e-9 && abs(weighed.bad - 0.5) < 1e-9)
        let old = [Self.word(.ok, by: validator, age: Evidence.longestLife)]
        #expect(Self.hearsay([Self.provider: old], validators: [validator])[Self.provider] == nil)
    }

    @Test func trustGoesFourSteps() {
        // Own good jobs at `step 1`, which says well of `step 2`, and so on.
        var said: [PublicKey: [Evidence]] = [:]
        for step in 2...7 {
            let (one, next) = (Self.key("step \(step - 1)"), Self.key("step \(step)"))
            said[next] = Self.words(8, .ok, by: one, on: next)
        }
        let trust = Self.hearsay(said, own: Self.proven("step 1")).web.trust
        #expect(trust[Self.key("step 1")] == TrustWeb.passedOn)
        for step in 2...4 {
            #expect((trust[Self.key("step \(step)")] ?? 0) > 0)
            #expect((trust[Self.key("step \(step)")] ?? 1) < (trust[Self.key("step \(step - 1)")] ?? 0))
        }
        #expect(trust[Self.key("step 5")] == nil && trust[Self.key("step 6")] == nil)
    }

    /// Whoever is trusted can vouch for a thousand keys of his own: together they have less than he has.
    @Test func whoVouchesForACrowdSharesWhatHeHas() {
        var said: [PublicKey: [Evidence]] = [:]
        for number in 0..<400 {
            let one = Self.key("crowd \(number)")
            said[one] = Self.words(8, .ok, by: Self.key("traitor"), on: one)
        }
        let trust = Self.hearsay(said, own: Self.proven("traitor", "friend")).web.trust
        let his = trust[Self.key("traitor")] ?? 0
        let theirs = (0..<400).reduce(0) { $0 + (trust[Self.key("crowd \($1)")] ?? 0) }
        #expect(his == TrustWeb.passedOn / 2 && theirs > 0 && theirs <= his * TrustWeb.passedOn)
    }

    /// A friend who speaks ill of those whom this node knows to be good, or well of those who failed it, is believed no more.
    @Test func whoIsFoundLyingIsNotBelieved() {
        var own = Self.proven("friend", "a", "b", "c")
        own[Self.key("d")] = Experience(bad: 3, at: Self.now)
        func trust(_ outcomes: [String: Evidence.Outcome]) -> Double {
            var said: [PublicKey: [Evidence]] = [:]
            for (name, outcome) in outcomes {
                said[Self.key(name)] = Self.words(2, outcome, by: Self.key("friend"), on: Self.key(name))
            }
            return Self.hearsay(said, own: own).web.trust[Self.key("friend")] ?? 0
        }
        let silent = trust([:])
        #expect(silent > 0.1)
        #expect(trust(["a": .ok, "b": .ok, "d": .wrong, "e": .wrong]) == silent)
        #expect(trust(["a": .wrong]) == silent / 5)
        #expect(trust(["a": .wrong, "b": .wrong, "c": .wrong, "d": .ok]) == silent / 17)
        #expect(trust(["a": .wrong, "b": .ok]) == silent / 3)
        // A validator was named by the owner.
        let named = Self.hearsay(
            [Self.key("a"): Self.words(2, .wrong, by: Self.key("v"), on: Self.key("a"))], own: own,
            validators: [Self.key("v")])
        #expect(named.web.trust[Self.key("v")] == 1)
    }

    @Test func oneGoodJobMakesNoFriend() {
        let trust = Self.hearsay([:], own: [Self.key("new"): Experience(good: 1, at: Self.now)]).web.trust
        #expect(abs((trust[Self.key("new")] ?? 0) - TrustWeb.passedOn / TrustWeb.patience) < 1e-9)
        let bad = Experience(good: 5, bad: 2, at: Self.now)
        #expect(Self.hearsay([:], own: [Self.key("bad"): bad]).web.trust[Self.key("bad")] == nil)
    }

    @Test func aWordIsToldOnceInAWhile() {
        var schedule = EvidenceSchedule()
        let (one, other) = (Self.key("one"), Self.key("other"))
        let asked: [(Evidence.Outcome, PublicKey, Int64)] = [
            (.ok, one, 1_000), (.ok, one, 1_001), (.wrong, one, 1_001), (.ok, other, 1_001),
            (.wrong, one, 1_060), (.wrong, one, 1_061), (.ok, one, 4_600),
            // A clock that was set back.
            (.ok, one, 500),
        ]
        let told = asked.map { schedule.tells($0.0, of: $0.1, now: $0.2) }
        #expect(told == [true, false, true, true, false, true, true, true])
    }
}
