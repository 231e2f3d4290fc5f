// Proves how an engine's likelihoods are read, where an answer is looked at, and that only what is idle does it.

import FoundationEssentials
import NodeModel
import Testing
import Wire

@testable import ExecCore

@Suite struct AnswerScorerTests {
    private static func body(_ choices: String, stop: String = "limit") -> [UInt8] {
        Array(
            #"{"content":"x","stop_type":"\#(stop)","completion_probabilities":[{"id":5,"logprob":-0.1,"top_logprobs":[\#(choices)]}]}"#
                .utf8)
    }
    private static let two =
        #"{"id":5,"token":"a","bytes":[97],"logprob":-0.25},{"id":7,"bytes":[97,98],"logprob":-2.5},{"id":8,"bytes":[98],"logprob":-3.25}"#

    @Test func theGapIsFromTheLikeliest() throws {
        let guess = try TokenGuess(Self.body(Self.two))
        #expect(guess.gap(of: 5) == 0 && guess.gap(of: 7) == 2.25)
        #expect(guess.gap(of: 9) == 3, "at least as much as the last one that is told")
        // The text counts, whatever it is cut into: "ab" may have been said as "a" and "b".
        #expect(guess.gap(of: "ab".utf8) == 0 && guess.gap(of: "a".utf8) == 0)
        #expect(guess.gap(of: "bc".utf8) == 3 && guess.gap(of: "c".utf8) == 3 && guess.gap(of: "".utf8) == 3)
        #expect(!guess.ends)
        #expect(try TokenGuess(Self.body(Self.two, stop: "eos")).ends)
        // A token that is no text by itself has no likelihoods.
        for json in [#"{"stop_type":"limit"}"#, #"{"completion_probabilities":[],"stop_type":"limit"}"#] {
            #expect(try TokenGuess(Array(json.utf8)).gap(of: 5) == nil)
        }
    }

    @Test(arguments: [
        "", "{}", "[]",
        // The first is the likeliest, or nothing is.
        String(
            decoding: body(#"{"id":5,"bytes":[],"logprob":-2},{"id":7,"bytes":[],"logprob":-1}"#),
            as: UTF8.self),
        String(decoding: body(#"{"id":5,"bytes":[],"logprob":1e999}"#), as: UTF8.self),
        // One after the other, and none twice.
        String(
            decoding: body(
                #"{"id":5,"bytes":[],"logprob":-1},{"id":7,"bytes":[],"logprob":-3},{"id":8,"bytes":[],"logprob":-2}"#
            ), as: UTF8.self),
        String(
            decoding: body(#"{"id":7,"bytes":[97],"logprob":-1},{"id":7,"bytes":[98],"logprob":-2}"#),
            as: UTF8.self),
        String(decoding: body(#"{"id":-5,"bytes":[],"logprob":-1}"#), as: UTF8.self),
        String(decoding: body(#"{"id":5,"bytes":[],"logprob":5}"#), as: UTF8.self),
        String(
            decoding: body((0..<65).map { _ in #"{"id":5,"bytes":[],"logprob":-1}"# }.joined(separator: ",")),
            as: UTF8.self),
    ])
    func whatIsNoAnswerIsRefused(_ json: String) {
        #expect(throws: WireError(.engineUnavailable, "")) { try TokenGuess(Array(json.utf8)) }
    }

    @Test func placesAreDrawnInOrderAndOnce() {
        var random = SystemRandomNumberGenerator()
        #expect(AnswerScorer.places(64, of: 10, using: &random) == Array(0..<10))
        #expect(AnswerScorer.places(64, of: 0, using: &random).isEmpty)
        var seen: Set<Int> = []
        for _ in 0..<200 {
            let places = AnswerScorer.places(8, of: 40, using: &random)
            #expect(
                places.count == 8 && places == Set(places).sorted() && places.allSatisfy { (0..<40) ~= $0 })
            seen.formUnion(places)
        }
        #expect(seen.count == 40, "every place is looked at some time")
    }

    @Test func onlyAnIdleSlotReads() {
        let (root, other) = (Digest(hashing: "a"), Digest(hashing: "b"))
        var pool = EnginePool(.init(slots: 1, engines: 1, queue: 4, queueMs: 1_000, idleStopMs: 0))
        #expect(pool.isIdle(for: root), "an engine's place is free")
        let first = RunID(number: 1)
        _ = pool.on(.submit(first, root), at: 0)
        #expect(!pool.isIdle(for: root), "it loads, for a job")
        _ = pool.on(.ready(EngineID(number: 1)), at: 1)
        #expect(!pool.isIdle(for: root))
        _ = pool.on(.finished(first), at: 2)
        #expect(pool.isIdle(for: root))
        #expect(!pool.isIdle(for: other), "another engine would have to go for it")
        _ = pool.on(.drain, at: 3)
        #expect(!pool.isIdle(for: root))
    }
}
