// Gathers a streamed answer and judges its end: all pieces, a reason, a count and the closing mark, or it failed.
// It must never call an answer complete that merely stopped coming.

import NodeModel
import Wire

/// An answer while it comes.
struct EngineAnswer: Sendable {
    /// What the stream said about its end.
    struct Complete: Hashable, Sendable {
        let finish: FinishReason
        let usage: Usage
    }

    /// The most bytes of text that are accepted from an engine.
    static let longestText = 8 << 20

    private(set) var text: [UInt8] = []
    /// The tokens so far, where the engine says them.
    private(set) var counted: Usage?
    private var finish: FinishReason?
    private var usage: Usage?
    private var closed = false

    /// Takes the data of one event.
    /// - Returns: the text that it adds; empty when it adds none.
    /// - Throws: `EngineFailure` when the engine broke off, `engine_unavailable` for what is no answer.
    mutating func take(_ data: [UInt8]) throws -> String {
        if closed { throw Self.broken("went on after its end") }
        if data.elementsEqual("[DONE]".utf8) {
            closed = true
            return ""
        }
        let chunk: EngineChunk
        do { chunk = try data.withUnsafeBytes { (json) throws(JSONFault) in try EngineChunk(json) } } catch {
            throw Self.broken("cannot be read (\(error))")
        }
        if let failure = chunk.failure { throw failure }
        if let reason = chunk.finish { finish = reason == "length" ? .length : .stop }
        if let counted = chunk.usage { usage = counted }
        if let counted = chunk.counted { self.counted = counted }
        text.append(contentsOf: chunk.text.utf8)
        if text.count > Self.longestText { throw Self.broken("is longer than \(Self.longestText >> 20) MiB") }
        return chunk.text
    }

    /// The end, once the connection has none to add.
    /// - Throws: `engine_unavailable` when something is missing.
    func complete() throws(WireError) -> Complete {
        guard closed else { throw Self.broken("ended before it was complete") }
        guard let finish else { throw Self.broken("does not say why it ended") }
        guard let usage else { throw Self.broken("does not say how many tokens it took") }
        return Complete(finish: finish, usage: usage)
    }

    static func broken(_ what: String) -> WireError {
        WireError(
            .engineUnavailable, "The engine's answer \(what).", fix: "Ask again.", retryAfterMs: 1_000)
    }
}
