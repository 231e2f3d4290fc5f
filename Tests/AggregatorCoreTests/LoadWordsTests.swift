// Proves what a provider's word on its load is worth: who lies is doubted, who is idle, or loses a race, is not.

import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct LoadWordsTests {
    private static func key(_ name: String) -> PublicKey { PublicKey(xOnly: Digest(hashing: name)) }

    private static func status(_ name: String, busy: Int, slots: Int = 4) -> ProviderStatus {
        ProviderStatus(
            provider: key(name), challenge: "0123456789abcdef", accepts: true, slots: slots, busy: busy,
            queued: 0, createdAt: 1)
    }

    /// Every ten seconds for so many rounds four providers say so many jobs, and each was used once before.
    private static func told(_ busy: [String: Int], rounds: Int, used: [String]) -> LoadWords {
        var words = LoadWords()
        for name in used { words.took(key(name), now: 0) }
        for round in 0..<rounds {
            for (name, jobs) in busy.sorted(by: { $0.key < $1.key }) {
                words.heard(status(name, busy: jobs), now: Int64(10 * round))
            }
        }
        return words
    }

    private static func doubted(_ words: LoadWords, _ name: String, now: Int64 = 100) -> Bool {
        words.word(of: key(name), now: now).isDoubted
    }

    @Test func whoIsUsedAsOthersAreAndNeverLoadedIsDoubted() {
        let busy = ["a": 2, "b": 1, "c": 2, "liar": 0]
        let words = Self.told(busy, rounds: 10, used: ["a", "b", "c", "liar"])
        #expect(Self.doubted(words, "liar"))
        for name in ["a", "b", "c"] { #expect(!Self.doubted(words, name)) }
        // Two statuses say little.
        #expect(!Self.doubted(Self.told(busy, rounds: 2, used: ["a", "b", "c", "liar"]), "liar", now: 20))
    }

    @Test func whoIsNotUsedMayBeIdle() {
        let words = Self.told(["a": 2, "b": 2, "idle": 0], rounds: 20, used: ["a", "b"])
        #expect(!Self.doubted(words, "idle", now: 200))
    }

    @Test func whereAllAreIdleNobodyIsDoubted() {
        let names = ["a", "b", "c", "d"]
        let idle = Self.told(["a": 0, "b": 0, "c": 0, "d": 0], rounds: 100, used: names)
        for name in names { #expect(!Self.doubted(idle, name, now: 1_000)) }
        // Nor where others have a friend more, but are far from full.
        var quiet = LoadWords()
        for name in names { quiet.took(Self.key(name), now: 0) }
        for round in Int64(0)..<100 {
            for name in names {
                quiet.heard(Self.status(name, busy: name == "d" ? 0 : 1, slots: 8), now: 10 * round)
            }
        }
        #expect(!Self.doubted(quiet, "d", now: 1_000))
    }

    @Test func whoTookTenJobsIsNotDoubtedForSilenceAlone() {
        func words(_ jobs: Int) -> LoadWords {
            var words = Self.told(["a": 3, "b": 3, "c": 3, "d": 0], rounds: 20, used: ["a", "b", "c", "d"])
            for _ in 1..<jobs { words.took(Self.key("d"), now: 200) }
            return words
        }
        #expect(Self.doubted(words(5), "d", now: 200))
        #expect(!Self.doubted(words(11), "d", now: 200))
    }

    @Test func statusesOfOneMomentAreOne() {
        var words = LoadWords()
        for name in ["a", "b", "liar"] { words.took(Self.key(name), now: 0) }
        for _ in 0..<50 {
            for (name, jobs) in [("a", 3), ("b", 3), ("liar", 0)] {
                words.heard(Self.status(name, busy: jobs), now: 4)
            }
        }
        #expect(!Self.doubted(words, "liar", now: 4))
    }

    @Test func whoRefusesThoughHeToldMuchRoomIsDoubtedAndWhoLosesARaceIsNot() {
        func refused(_ busy: Int, times: Int, later: Int64 = 1) -> LoadWords {
            var words = LoadWords()
            for time in 0..<Int64(times) {
                words.heard(Self.status("a", busy: busy), now: 60 * time)
                words.sent(to: Self.key("a"))
                words.refused(by: Self.key("a"), now: 60 * time + later)
                words.ended(at: Self.key("a"))
            }
            return words
        }
        #expect(!Self.doubted(refused(0, times: 1), "a", now: 10))
        #expect(Self.doubted(refused(0, times: 2), "a", now: 70))
        #expect(Self.doubted(refused(2, times: 2), "a", now: 70))
        // The last place is soon gone, and a status of last minute promises nothing.
        #expect(!Self.doubted(refused(3, times: 10), "a", now: 610))
        #expect(!Self.doubted(refused(0, times: 10, later: 11), "a", now: 610))
        #expect(!Self.doubted(refused(4, times: 10), "a", now: 610))
        #expect(refused(3, times: 1).word(of: Self.key("a"), now: 10).worth < 0.2)
        #expect(refused(4, times: 9).word(of: Self.key("a"), now: 610).worth == 1)
    }

    /// Every minute a status that tells four places, and then so many jobs one behind the other, the last of which is refused.
    private static func filled(_ jobs: Int, leaving open: Int = 0) -> LoadWord {
        var words = LoadWords()
        words.heard(status("a", busy: 0), now: 0)
        for _ in 0..<open { words.sent(to: key("a")) }
        for round in Int64(1)...4 {
            words.heard(status("a", busy: 0), now: 60 * round)
            for job in 1...jobs {
                words.sent(to: key("a"))
                if job == jobs { words.refused(by: key("a"), now: 60 * round + 1) }
                words.ended(at: key("a"))
            }
        }
        return words.word(of: key("a"), now: 250)
    }

    @Test func ownJobsTakePlacesToo() {
        #expect(Self.filled(1).isDoubted && Self.filled(2).isDoubted)
        #expect(!Self.filled(5).isDoubted && Self.filled(5).worth == 1)
    }

    @Test func whoWorksForThisNodeAlreadyMayRefuseItMore() {
        let word = Self.filled(1, leaving: 1)
        #expect(!word.isDoubted && word.worth == 1)
    }

    @Test func oneStatusIsHeldAgainstHimOnce() {
        var words = LoadWords()
        words.heard(Self.status("a", busy: 0), now: 0)
        for second in Int64(0)..<9 {
            words.sent(to: Self.key("a"))
            words.refused(by: Self.key("a"), now: second)
            words.ended(at: Self.key("a"))
        }
        #expect(!Self.doubted(words, "a", now: 9))
    }

    @Test func whoWasFullIsFullForAMomentAndUntilHeTakesAJob() {
        var words = LoadWords()
        words.heard(Self.status("a", busy: 0), now: 0)
        words.sent(to: Self.key("a"))
        words.refused(by: Self.key("a"), now: 1)
        #expect(words.word(of: Self.key("a"), now: 11).isFull)
        #expect(!words.word(of: Self.key("a"), now: 12).isFull)
        words.took(Self.key("a"), now: 5)
        #expect(!words.word(of: Self.key("a"), now: 6).isFull)
    }

    @Test func whatWasFadesAndNothingGrows() {
        var words = LoadWords()
        for time in Int64(0)..<3 {
            words.heard(Self.status("a", busy: 0), now: 60 * time)
            words.sent(to: Self.key("a"))
            words.refused(by: Self.key("a"), now: 60 * time)
            words.ended(at: Self.key("a"))
        }
        #expect(Self.doubted(words, "a", now: 120))
        #expect(!Self.doubted(words, "a", now: 120 + 6 * 3_600))
        for number in 0..<1_100 { words.heard(Self.status("\(number)", busy: 1), now: 200) }
        #expect(words.count == LoadWords.capacity)
    }

    @Test func numbersThatAStrangerChoseDoNoHarm() {
        var words = LoadWords()
        for (busy, slots) in [(Int.max, 1), (0, Int.max), (Int.max, Int.max), (5, 0)] {
            var status = Self.status("a", busy: busy, slots: slots)
            status.queued = Int.max
            words.heard(status, now: 1)
            words.sent(to: Self.key("a"))
            words.refused(by: Self.key("a"), now: 2)
            words.ended(at: Self.key("a"))
        }
        #expect(words.word(of: Self.key("a"), now: 3).worth <= 1)
    }

    // MARK: in a plan

    private static func order(_ words: [String: LoadWord], seed: UInt64 = 7) -> [String] {
        var input = PlanInput(
            model: "tiny", own: PlannerTests.own, pin: nil, local: PlannerTests.local([]),
            found: PlanInput.Found(
                cards: [PlannerTests.card("a", price: 8), PlannerTests.card("b", price: 10)], leftOut: [],
                problem: nil), failures: [:], seed: seed)
        for name in ["a", "b"] {
            input.scores[key(name)] = 0.9
            input.standings[key(name)] = .told(status(name, busy: 1), milliseconds: 1)
            input.words[key(name)] = words[name]
        }
        return PlannerTests.names(Planner.plan(input))
    }

    @Test func theDoubtedAndTheFullComeLater() {
        let seed = (UInt64(1)..<100).first { !Trust.explores($0) } ?? 0
        #expect(Self.order([:], seed: seed) == ["a", "b"])
        #expect(Self.order(["a": LoadWord(isDoubted: true)], seed: seed) == ["b", "a"])
        #expect(Self.order(["a": LoadWord(isFull: true)], seed: seed) == ["b", "a"])
        #expect(Self.order(["a": LoadWord(worth: 0.5)], seed: seed) == ["b", "a"])
        // Nobody is shut out: where there is no other, and in a job that may try strangers.
        let explorer = (UInt64(1)..<1_000).first { Trust.explores($0) } ?? 0
        #expect(Self.order(["a": LoadWord(isDoubted: true)], seed: explorer) == ["a", "b"])
    }
}
