// Writes and reads a piece of an answer without reflection: the one message that is sent for each token.
// It must never accept a field twice.

import Wire

/// The hand-written form of `{"stage":…,"sequence":…,"text":…}`, with `"tokens":…` behind it where there are any.
enum PieceCoding {
    static func write(
        stage: String, sequence: UInt64, text: String, tokens: UInt64 = 0, to writer: inout JSONWriter
    ) {
        writer.literal("{\"sequence\":")
        writer.number(sequence)
        writer.literal(",\"stage\":")
        writer.string(stage)
        writer.literal(",\"text\":")
        writer.string(text)
        if tokens > 0 {
            writer.literal(",\"tokens\":")
            writer.number(tokens)
        }
        writer.literal("}")
    }

    static func read(
        _ json: UnsafeRawBufferPointer
    ) throws -> (stage: String, sequence: UInt64, text: String, tokens: UInt64) {
        var stage: String?
        var sequence: UInt64?
        var text: String?
        var tokens: UInt64?
        var scanner = JSONScanner(json)
        do {
            try scanner.object { (s, key) throws(JSONFault) in
                if s.matches(key, "stage") {
                    guard stage == nil else { throw .duplicateKey }
                    stage = try s.string()
                } else if s.matches(key, "sequence") {
                    guard sequence == nil else { throw .duplicateKey }
                    sequence = try s.unsigned()
                } else if s.matches(key, "text") {
                    guard text == nil else { throw .duplicateKey }
                    text = try s.string()
                } else if s.matches(key, "tokens") {
                    guard tokens == nil else { throw .duplicateKey }
                    tokens = try s.unsigned()
                } else {
                    _ = try s.skip()
                }
            }
            try scanner.expectEnd()
        } catch { throw WireError(.invalidParams, "The piece cannot be read: \(error).") }
        guard let stage, let sequence, let text else {
            throw WireError(.invalidParams, "A piece has 'stage', 'sequence' and 'text'.")
        }
        return (stage, sequence, text, tokens ?? 0)
    }
}
