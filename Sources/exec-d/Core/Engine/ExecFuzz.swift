// Doors for fuzzers: what an engine says, which may be any image's. They must never trap, whatever the bytes are.

import NodeModel
import Wire

/// Entry points for fuzz targets.
public enum ExecFuzz {
    /// A streamed answer, cut anywhere: events, chunks, and what they come to.
    public static func answer(_ bytes: UnsafeRawBufferPointer) {
        var parser = SSEParser()
        var answer = EngineAnswer(InferenceRequest(model: "m", messages: []))
        let cut = bytes.count / 2
        for part in [bytes[..<cut], bytes[cut...]] {
            do { try parser.feed(part) { _ = try answer.take($0) } } catch { return }
        }
        _ = try? answer.complete()
        precondition(answer.length <= bytes.count, "an answer is no longer than what it came in")
    }

    /// An answer that is written as JSON: the same whether it comes at once or character by character, and one that was asked for.
    public static func written(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        let request = InferenceRequest(
            model: "m", messages: [],
            tools: ToolUse(tools: [Tool(name: "get_weather"), Tool(name: "now")]))
        var sums: [Digest?] = []
        for pieces in [[text], text.unicodeScalars.map { String($0) }] {
            var (answer, sum) = (
                WrittenAnswer(keepsJSON: bytes.first == 0x20, makeID: { "call_\($0)" }),
                AnswerSum(of: request)
            )
            var weight = 0
            do {
                for piece in pieces { weight += try sum.add(try answer.take(piece)) }
                sums.append(answer.isWhole ? sum.hash : nil)
            } catch { sums.append(nil) }
            precondition(
                weight <= 12 * text.utf8.count + sum.calls * AnswerSum.callWeight,
                "an answer weighs what it is")
        }
        precondition(sums[0] == sums[1], "an answer depends on how it is cut")
    }

    /// The likeliest tokens at one place.
    public static func guess(_ bytes: UnsafeRawBufferPointer) {
        guard let guess = try? TokenGuess(Array(bytes)) else { return }
        for choice in guess.choices {
            guard let gap = guess.gap(of: choice.id), gap >= 0, gap.isFinite,
                guess.gap(of: choice.bytes + [0]).map({ $0 >= 0 && $0 <= gap || choice.bytes.isEmpty })
                    == true
            else {
                preconditionFailure("nothing is likelier than the likeliest")
            }
        }
    }
}
