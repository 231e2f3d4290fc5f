// Doors for fuzzers: what an engine says, which may be any image's. They must never trap, whatever the bytes are.

import Wire

/// Entry points for fuzz targets.
public enum ExecFuzz {
    /// A streamed answer, cut anywhere: events, chunks, and what they come to.
    public static func answer(_ bytes: UnsafeRawBufferPointer) {
        var parser = SSEParser()
        var answer = EngineAnswer()
        let cut = bytes.count / 2
        for part in [bytes[..<cut], bytes[cut...]] {
            do { try parser.feed(part) { _ = try answer.take($0) } } catch { return }
        }
        _ = try? answer.complete()
        precondition(answer.text.count <= bytes.count, "an answer is no longer than what it came in")
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
