// What the engine says when it cannot answer, and what the caller is told about it.
// It must never repeat the engine's words where they may hold a piece of the prompt.

import Wire

/// The engine's error object.
struct EngineFailure: Error, Hashable, Sendable {
    var code: UInt64?
    var type = ""
    var message = ""
    /// With `exceed_context_size_error`: tokens of the prompt, and what a slot holds.
    var promptTokens: UInt64?
    var contextTokens: UInt64?

    /// Reads the error object where the cursor stands; a text alone is a message.
    init(_ s: inout JSONScanner) throws(JSONFault) {
        self.init()
        guard try s.peek() == 0x7B else {
            message = try s.string()
            return
        }
        var read = EngineFailure()
        try s.object { (s, key) throws(JSONFault) in
            if try s.isNull() {
                _ = try s.skip()
            } else if s.matches(key, "code") {
                read.code = try s.unsigned()
            } else if s.matches(key, "type") {
                read.type = try s.string()
            } else if s.matches(key, "message") {
                read.message = try s.string()
            } else if s.matches(key, "n_prompt_tokens") {
                read.promptTokens = try s.unsigned()
            } else if s.matches(key, "n_ctx") {
                read.contextTokens = try s.unsigned()
            } else {
                _ = try s.skip()
            }
        }
        self = read
    }

    /// Reads the body of an error answer; nil when it is not one.
    init?(body: [UInt8]) {
        let found = body.withUnsafeBytes { (json) -> EngineFailure? in
            var scanner = JSONScanner(json)
            var failure: EngineFailure?
            try? scanner.object { (s, key) throws(JSONFault) in
                if s.matches(key, "error") {
                    failure = try EngineFailure(&s)
                } else {
                    _ = try s.skip()
                }
            }
            return failure
        }
        guard let found else { return nil }
        self = found
    }

    init() {}

    /// The error for the caller.
    /// - Parameters:
    ///   - status: of the HTTP answer, or the code in a broken stream.
    ///   - answerTokens: how long an answer was asked for.
    func wire(status: Int, answerTokens: Int) -> WireError {
        if type == "exceed_context_size_error" {
            guard let promptTokens, let contextTokens else {
                return WireError(
                    .contextLengthExceeded, "The messages are longer than this model's context.",
                    fix: "Please reduce the length of the messages.")
            }
            return WireError(
                .contextLengthExceeded,
                "This model's maximum context length is \(contextTokens) tokens. However, your messages resulted in "
                    + "\(promptTokens) tokens. Please reduce the length of the messages.",
                fix: "Send fewer or shorter messages, or raise exec.context on the node that runs the model.")
        }
        switch status {
        case 400, 422:
            if message.contains("JSON schema") {
                return WireError(
                    .invalidRequest, "The engine cannot hold an answer to this JSON schema.",
                    fix: "Use JSON's own types, and references into the same schema only.")
            }
            return WireError(.invalidRequest, "The engine refused the request (\(kind)).")
        case 503:
            return WireError(
                .engineUnavailable, "The engine is still loading its model.", fix: "Try again.",
                retryAfterMs: 1_000)
        default:
            return WireError(
                .engineUnavailable, "The engine failed at this request (\(kind), status \(status)).",
                fix: "Try again; if it happens every time, look at `infernetctl logs exec-d`.",
                retryAfterMs: 1_000)
        }
    }

    /// The type when it is a plain word: that much is the engine's own and no part of a prompt.
    private var kind: String {
        let plain = !type.isEmpty && type.utf8.count <= 64 && type.allSatisfy { $0.isLetter || $0 == "_" }
        return plain ? type : "no reason given"
    }
}
