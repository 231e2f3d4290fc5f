// Writes whole messages, frame length included, for both ends of a connection.
// It must never be the place where a caller's rights are decided.

import FoundationEssentials

/// Builders of the five kinds of frame.
public enum Message {
    public static func request(
        _ writer: inout JSONWriter, id: UInt64, method: String, params: some WireValue, trace: String?,
        deadlineMs: Int?
    ) throws {
        let start = writer.beginFrame()
        writer.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        writer.number(id)
        writer.literal(",\"method\":")
        writer.string(method)
        if let trace {
            writer.literal(",\"trace\":")
            writer.string(trace)
        }
        if let deadlineMs {
            writer.literal(",\"deadline_ms\":")
            writer.number(UInt64(max(0, deadlineMs)))
        }
        writer.literal(",\"params\":")
        try params.write(to: &writer)
        writer.literal("}")
        writer.endFrame(start)
    }

    public static func result(_ writer: inout JSONWriter, id: UInt64, _ value: some WireValue) throws {
        let start = writer.beginFrame()
        head(&writer, id)
        writer.literal(",\"result\":")
        try value.write(to: &writer)
        writer.literal("}")
        writer.endFrame(start)
    }

    public static func event(_ writer: inout JSONWriter, id: UInt64, _ value: some WireValue) throws {
        let start = writer.beginFrame()
        head(&writer, id)
        writer.literal(",\"event\":")
        try value.write(to: &writer)
        writer.literal("}")
        writer.endFrame(start)
    }

    public static func error(_ writer: inout JSONWriter, id: UInt64, _ error: WireError) {
        let start = writer.beginFrame()
        head(&writer, id)
        writer.literal(",\"error\":")
        ErrorBody.write(error, to: &writer)
        writer.literal("}")
        writer.endFrame(start)
    }

    public static func cancel(_ writer: inout JSONWriter, id: UInt64) {
        let start = writer.beginFrame()
        writer.literal("{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":")
        writer.number(id)
        writer.literal("}}")
        writer.endFrame(start)
    }

    private static func head(_ writer: inout JSONWriter, _ id: UInt64) {
        writer.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        writer.number(id)
    }
}

/// The JSON-RPC error object: number, message, and our own code and advice under `data`.
public enum ErrorBody {
    private struct Wire: Codable {
        struct Data: Codable {
            var code: String?
            var fix: String?
            var retry_after_ms: Int?
            var cause: String?
        }
        var code: Int
        var message: String
        var data: Data?
    }

    public static func write(_ error: WireError, to writer: inout JSONWriter) {
        writer.literal("{\"code\":")
        writer.number(error.code.number)
        writer.literal(",\"message\":")
        writer.string(error.message)
        writer.literal(",\"data\":{\"code\":")
        writer.string(error.code.rawValue)
        if let fix = error.fix {
            writer.literal(",\"fix\":")
            writer.string(fix)
        }
        if let wait = error.retryAfterMs {
            writer.literal(",\"retry_after_ms\":")
            writer.number(wait)
        }
        if let cause = error.cause {
            writer.literal(",\"cause\":")
            writer.string(cause)
        }
        writer.literal("}}")
    }

    /// Reads an error object; an unknown code is kept as it is.
    public static func read(_ json: UnsafeRawBufferPointer) -> WireError {
        let bytes = Array(json)
        guard let wire = try? WireCoding.decoder.decode(Wire.self, from: .init(bytes)) else {
            return WireError(.invalidEnvelope, "The other side sent an error that cannot be read.")
        }
        return WireError(
            ErrorCode(rawValue: wire.data?.code ?? "error_\(wire.code)"), wire.message, fix: wire.data?.fix,
            retryAfterMs: wire.data?.retry_after_ms, cause: wire.data?.cause)
    }
}
