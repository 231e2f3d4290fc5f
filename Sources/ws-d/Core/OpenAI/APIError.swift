// An answer of the HTTP API that is not a success, in the shape and the words that OpenAI's clients know.
// It must never carry what a person sent: messages name parameters, not contents.

import Wire

/// `{"error":{"message","type","param","code"}}` and the status it goes with.
struct APIError: Error, Equatable {
    var status: Int
    var message: String
    var type: String
    var param: String?
    var code: String?
    /// When it is worth trying again, in milliseconds.
    var retryAfterMs: Int?

    init(
        _ status: Int, _ message: String, type: String = "invalid_request_error", param: String? = nil,
        code: String? = nil, retryAfterMs: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.retryAfterMs = retryAfterMs
    }

    /// Whole seconds for the Retry-After header (RFC 9110, section 10.2.3), at least one.
    var retryAfterSeconds: Int? { retryAfterMs.map { max(1, ($0 + 999) / 1_000) } }

    /// The body.
    func write(to writer: inout JSONWriter) {
        writer.literal("{\"error\":{\"message\":")
        writer.string(message)
        writer.literal(",\"type\":")
        writer.string(type)
        writer.literal(",\"param\":")
        optional(param, &writer)
        writer.literal(",\"code\":")
        optional(code, &writer)
        writer.literal("}}")
    }

    private func optional(_ text: String?, _ writer: inout JSONWriter) {
        if let text { writer.string(text) } else { writer.literal("null") }
    }
}

extension APIError {
    /// A parameter of the wrong type.
    static func type(_ param: String, expected: String, got: JSONTree) -> APIError {
        APIError(
            400, "Invalid type for '\(param)': expected \(expected), but got \(got.kind) instead.",
            param: param,
            code: "invalid_type")
    }

    /// A parameter with a value outside what is allowed.
    static func value(_ param: String, _ why: String) -> APIError {
        APIError(400, "Invalid value for '\(param)': \(why)", param: param, code: "invalid_value")
    }

    /// A parameter that would change the answer and that this node does not carry out.
    static func unsupported(
        _ param: String, _ why: String = "this node does not support it yet; leave it out."
    )
        -> APIError
    {
        APIError(
            400, "Unsupported parameter: '\(param)': \(why)", param: param, code: "unsupported_parameter")
    }

    static func missing(_ param: String) -> APIError {
        APIError(
            400, "Missing required parameter: '\(param)'.", param: param, code: "missing_required_parameter")
    }

    /// What the rest of the node said, as HTTP. The fix goes into the message: it is written for this reader.
    init(_ error: WireError) {
        let message = error.fix.map { "\(error.message) \($0)" } ?? error.message
        let code = error.code.rawValue
        switch error.code {
        case .contextLengthExceeded:
            self.init(400, message, param: "messages", code: code)
        case .invalidParams, .invalidRequest, .policyRefused:
            self.init(400, message, code: code)
        case .paymentRequired:
            self.init(402, message, code: code)
        case .modelNotFound:
            self.init(404, message, param: "model", code: code)
        case .notFound:
            self.init(404, message, code: code)
        case .conflict:
            self.init(409, message, code: code)
        case .tooLarge:
            self.init(413, message, code: "request_too_large")
        case .tooManyRequests:
            self.init(
                429, message, type: "rate_limit_error", code: "rate_limit_exceeded",
                retryAfterMs: error.retryAfterMs ?? 1_000)
        case .deadlineExceeded:
            self.init(504, message, type: "server_error", code: code, retryAfterMs: error.retryAfterMs)
        case .unavailable, .draining, .engineUnavailable, .noProvider, .providerFailed, .upstreamLost,
            .diskFull,
            .cancelled, .corrupt, .verificationFailed:
            self.init(503, message, type: "server_error", code: code, retryAfterMs: error.retryAfterMs)
        default:
            self.init(500, message, type: "server_error", code: code, retryAfterMs: error.retryAfterMs)
        }
    }
}
