// Proves which answers are called wrong, by how a node's own engine reads them, and which nobody can judge.

import Interfaces
import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct AnswerJudgementTests {
    private func verdict(
        _ gaps: [Double], end: Double? = nil, tokens: Int? = nil,
        _ sampling: Sampling = Sampling(temperature: 0), isOurEngine: Bool = true
    ) -> Bool? {
        var marks = gaps.enumerated().map { ExecInterface.Score.Mark(place: $0, gap: $1) }
        let tokens = tokens ?? gaps.count
        if let end { marks.append(ExecInterface.Score.Mark(place: tokens, gap: end)) }
        let reply = ExecInterface.Score.Reply(image: "sha256:", tokens: tokens, marks: marks)
        return AnswerJudgement.verdict(
            reply, sampling, isOurEngine: isOurEngine
        ).isRight
    }

    private let likely = [Double](repeating: 0, count: 60)

    @Test func anotherMachinesWordsAreRight() {
        #expect(verdict(likely) == true)
        #expect(verdict(likely + [0.56, 0.2, 0.1, 0.4]) == true)
        #expect(verdict(likely, isOurEngine: false) == true, "the likeliest words are so in every engine")
        #expect(verdict(likely, end: 0.3) == true)
        // The text may have been generated as other tokens than those it is read as.
        #expect(verdict(likely + [7, 6]) == true)
    }

    @Test func anotherModelsWordsAreWrong() {
        #expect(verdict(likely + [2, 3, 1.5]) == false)
        #expect(verdict([0, 0, 0, 5]) == false, "four places excuse none")
        #expect(
            verdict(likely + [Double](repeating: 0.9, count: 20)) == false, "a quarter are not the likeliest")
        #expect(verdict([0, 0, 0.9, 0.9]) == true, "four places say nothing of shares")
    }

    @Test func anAnswerThatBreaksOffIsWrong() {
        #expect(verdict(likely, end: 6) == false)
        #expect(verdict(likely, end: 6, Sampling()) == false)
        // The end's own place alone: all others may be excused, it may not.
        #expect(verdict(likely, end: 1.1) == false)
    }

    @Test func drawnWordsHaveMoreRoom() {
        let drawn = (0..<60).map { $0 % 3 == 0 ? 2.5 : 0.0 }
        #expect(verdict(drawn, Sampling()) == true)
        #expect(verdict(drawn, Sampling(temperature: 1)) == true)
        #expect(verdict(drawn) == false, "at temperature 0 that is somebody else")
        #expect(verdict(drawn + [6, 7, 5], Sampling()) == false)
    }

    @Test func whatNobodyCanTellIsUndecided() {
        #expect(verdict([]) == nil)
        #expect(verdict(likely, Sampling(), isOurEngine: false) == nil)
        #expect(verdict(likely + [9, 9, 9, 9], Sampling(temperature: 1.1)) == nil)
        #expect(verdict(likely + [9, 9, 9, 9], Sampling(temperature: 0, presencePenalty: 1)) == nil)
        #expect(verdict(likely + [9, 9, 9, 9], Sampling(temperature: 0, frequencyPenalty: 0.5)) == nil)
    }
}
