// The one error that crosses a process boundary: a code, what happened, and what to do about it.
// It must never carry a secret or a stack trace: a person or a peer may read it.

/// An error that a process tells another, and in the end a person.
public struct WireError: Error, Sendable, Equatable, Codable, CustomStringConvertible {
    /// What went wrong, for programs.
    public var code: ErrorCode
    /// What went wrong and why, for people.
    public var message: String
    /// What the reader can do about it.
    public var fix: String?
    /// When it is worth trying again, in milliseconds from now.
    public var retryAfterMs: Int?
    /// The error below this one, in words.
    public var cause: String?

    enum CodingKeys: String, CodingKey {
        case code, message, fix, cause
        case retryAfterMs = "retry_after_ms"
    }

    public init(
        _ code: ErrorCode, _ message: String, fix: String? = nil, retryAfterMs: Int? = nil,
        cause: String? = nil
    ) {
        self.code = code
        self.message = message
        self.fix = fix
        self.retryAfterMs = retryAfterMs
        self.cause = cause
    }

    /// Equality is on the code alone, so that tests compare meaning and not prose.
    public static func == (a: WireError, b: WireError) -> Bool { a.code == b.code }

    public var description: String {
        var text = "\(code): \(message)"
        if let cause { text += " (\(cause))" }
        if let fix { text += " - \(fix)" }
        return text
    }

    /// Any error, as one that may cross the wire: unknown ones become `internal_error` in words.
    public static func wrapping(_ error: any Error) -> WireError {
        if let wire = error as? WireError { return wire }
        if error is CancellationError { return WireError(.cancelled, "The request was cancelled.") }
        return WireError(
            .internalError, "The daemon failed at this request.", cause: String(describing: error))
    }
}
