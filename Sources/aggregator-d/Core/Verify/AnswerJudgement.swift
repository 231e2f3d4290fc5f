// Whether an answer is what a model says, by how this node's own engine reads it. Pure.
// It must never compare texts or hashes: the same model on another machine says other words where two are about as likely.

import Interfaces
import NodeModel

/// The rule, and its numbers: measured with SmolLM2-135M, see docs/adr/0031-verification.md.
enum AnswerJudgement {
    /// An honest machine's token at temperature 0 is never further than this from the likeliest, in nats; ours measured 0.56.
    static let tolerance = 1.0
    /// An answer that is drawn holds no token less likely than a twentieth of the likeliest (llama-server's `min_p`).
    static let drawnTolerance = 3.0 + tolerance
    /// Words that were drawn more freely than this are too often of other tokens than their text is read as.
    static let mostDrawn = 1.0
    /// The share of places that may be beyond the tolerance: a text may have been generated as other tokens than those it is
    /// read as, which look unlikely where they differ.
    static let excused = 0.04
    /// The share of places at which an honest answer at temperature 0 may differ from ours: measured at most 0.083.
    static let mostDiffering = 0.15
    /// Fewer places say nothing of shares.
    static let fewestForShares = 24

    /// - Parameter isOurEngine: whether the receipt names the image that read the answer.
    static func verdict(
        _ reply: ExecInterface.Score.Reply, _ sampling: Sampling, isOurEngine: Bool
    ) -> Verdict {
        let marks = reply.marks
        guard !marks.isEmpty else { return .undecided("the answer is empty") }
        let penalties = (sampling.presencePenalty ?? 0, sampling.frequencyPenalty ?? 0)
        guard penalties == (0, 0) else {
            return .undecided("with penalties for repetition nobody else can say how likely its words were")
        }
        let isGreedy = sampling.temperature == 0
        guard (sampling.temperature ?? 0) <= mostDrawn else {
            return .undecided("words drawn at a temperature over 1 cannot be told from another model's")
        }
        if !isGreedy, !isOurEngine {
            return .undecided(
                "drawn words can only be compared with the same engine's, and its image is another")
        }
        let limit = isGreedy ? tolerance : drawnTolerance
        let beyond = marks.filter { $0.gap > limit }
        let differing = marks.filter { $0.gap > 0 }.count
        let worst = marks.map(\.gap).max() ?? 0
        let seen =
            "\(marks.count) places of \(reply.tokens + 1), the worst \(text(worst)) nats from the likeliest"
        // The end is one token whatever the text was cut into.
        if beyond.contains(where: { $0.place == reply.tokens }) {
            return .wrong("the answer ends where the model goes on; \(seen)")
        }
        guard beyond.count <= Int(excused * Double(marks.count)) else {
            return .wrong("\(beyond.count) are further than \(text(limit)): \(seen)")
        }
        let share = Double(differing) / Double(marks.count)
        if isGreedy, marks.count >= fewestForShares, share > mostDiffering {
            return .wrong("\(differing) are not the likeliest: \(seen)")
        }
        return .right(seen)
    }

    private static func text(_ nats: Double) -> String {
        let hundredths = Int((min(max(0, nats), 1_000) * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
