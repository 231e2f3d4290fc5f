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

    /// The engine's text so far, in bytes.
    private(set) var length = 0
    /// For an answer that is held to calls or words: how it is read.
    private var form: WrittenAnswer?
    private var hasCalls = false
    /// Whether the last event was of what is written around words and calls.
    private(set) var isBetween = false
    /// How many of the likeliest tokens are told; nil for none.
    private let likeliest: Int?
    /// Whether a stop sequence may end it anywhere.
    private let stops: Bool
    /// The tokens so far, where the engine says them.
    private(set) var counted: Usage?
    private var finish: FinishReason?
    private var usage: Usage?
    private var closed = false

    /// - Parameter request: what the engine was asked.
    init(_ request: InferenceRequest) {
        form = request.tools.map { _ in WrittenAnswer(keepsJSON: request.format != nil) }
        likeliest = request.sampling.logprobs
        stops = request.sampling.stop?.isEmpty == false
    }

    /// Takes the data of one event.
    /// - Returns: what it adds; empty when it adds nothing.
    /// - Throws: `EngineFailure` when the engine broke off, `engine_unavailable` for what is no answer.
    mutating func take(_ data: [UInt8]) throws -> AnswerPiece {
        if closed { throw Self.broken("went on after its end") }
        if data.elementsEqual("[DONE]".utf8) {
            closed = true
            return AnswerPiece()
        }
        let chunk: EngineChunk
        do { chunk = try data.withUnsafeBytes { (json) throws(JSONFault) in try EngineChunk(json) } } catch {
            throw Self.broken("cannot be read (\(error))")
        }
        if let failure = chunk.failure { throw failure }
        if let reason = chunk.finish { finish = reason == "length" ? .length : .stop }
        if let counted = chunk.usage { usage = counted }
        if let counted = chunk.counted { self.counted = counted }
        length += chunk.text.utf8.count
        if length > Self.longestText { throw Self.broken("is longer than \(Self.longestText >> 20) MiB") }
        if form != nil {
            let piece = try form?.take(chunk.text) ?? AnswerPiece()
            isBetween = !chunk.text.isEmpty && piece.isEmpty
            hasCalls = hasCalls || !piece.calls.isEmpty
            return piece
        }
        guard let likeliest else { return AnswerPiece(text: chunk.text) }
        return AnswerPiece(
            text: chunk.text,
            tokens: chunk.tokens.map {
                AnswerPiece.Token(chosen: $0.chosen, top: Array($0.top.prefix(likeliest)))
            })
    }

    /// The end, once the connection has none to add.
    /// - Throws: `engine_unavailable` when something is missing.
    func complete() throws(WireError) -> Complete {
        guard closed else { throw Self.broken("ended before it was complete") }
        guard let finish else { throw Self.broken("does not say why it ended") }
        guard let usage else { throw Self.broken("does not say how many tokens it took") }
        guard let form, finish == .stop else { return Complete(finish: finish, usage: usage) }
        guard form.isWhole else {
            guard stops else { throw Self.broken("ended before it was whole") }
            // Words end where they are to; a call is broken off.
            return Complete(finish: form.hasWords ? .stop : .length, usage: usage)
        }
        return Complete(finish: hasCalls ? .toolCalls : .stop, usage: usage)
    }

    static func broken(_ what: String) -> WireError {
        WireError(
            .engineUnavailable, "The engine's answer \(what).", fix: "Ask again.", retryAfterMs: 1_000)
    }
}
