// The outside of a message (JSON-RPC 2.0 names): found by one scan, the inside left untouched.
// It must never decode parameters: authorization comes first.

/// What a frame is, with the places of its inner values in the frame's bytes.
public struct Envelope: Sendable, Equatable {
    public enum Kind: Sendable, Equatable { case request, result, error, event, notification }

    public var kind: Kind
    /// Pairs requests with replies; zero for notifications.
    public var id: UInt64 = 0
    public var method: String = ""
    /// The params, result, error or event, as a range of the frame.
    public var body: Range<Int> = 0..<0
    /// The job that this belongs to, from end to end.
    public var trace: String?
    /// What is left of the caller's patience, in milliseconds.
    public var deadlineMs: UInt64?

    /// Reads the outside of one frame.
    /// - Throws: `parse_error` for what is not JSON, `invalid_envelope` for JSON that is not a message.
    public static func scan(_ frame: UnsafeRawBufferPointer) throws(WireError) -> Envelope {
        var fields = Fields()
        var scanner = JSONScanner(frame)
        do {
            try scanner.object { (s, key) throws(JSONFault) in try fields.take(&s, key) }
            try scanner.expectEnd()
        } catch { throw WireError(.parseError, "The frame is not one JSON object: \(error).") }
        return try fields.envelope()
    }

    private struct Fields {
        var id: UInt64?
        var method: String?
        var trace: String?
        var deadline: UInt64?
        var body: (kind: Kind, range: Range<Int>)?
        var crowded = false

        mutating func take(_ s: inout JSONScanner, _ key: Range<Int>) throws(JSONFault) {
            if s.matches(key, "id") {
                try once(id == nil)
                id = try s.unsigned()
            } else if s.matches(key, "method") {
                try once(method == nil)
                method = try s.string()
            } else if s.matches(key, "params") {
                keep(.request, try s.skip())
            } else if s.matches(key, "result") {
                keep(.result, try s.skip())
            } else if s.matches(key, "event") {
                keep(.event, try s.skip())
            } else if s.matches(key, "error") {
                keep(.error, try s.skip())
            } else if s.matches(key, "trace") {
                try once(trace == nil)
                trace = try s.string()
            } else if s.matches(key, "deadline_ms") {
                try once(deadline == nil)
                deadline = try s.unsigned()
            } else {
                _ = try s.skip()
            }
        }

        /// One body is a message; a second makes it none, which is said once all is read.
        mutating func keep(_ kind: Kind, _ range: Range<Int>) {
            crowded = crowded || body != nil
            body = (kind, range)
        }

        func once(_ first: Bool) throws(JSONFault) { if !first { throw .duplicateKey } }

        func envelope() throws(WireError) -> Envelope {
            guard !crowded else {
                throw WireError(.invalidEnvelope, "A message has one of params, result, error and event.")
            }
            if let method {
                guard method.utf8.count <= 64 else {
                    throw WireError(.invalidEnvelope, "The method's name is too long.")
                }
                guard body.map({ $0.kind == .request }) ?? true else {
                    throw WireError(.invalidEnvelope, "A request has params, and no result, error or event.")
                }
                return Envelope(
                    kind: id == nil ? .notification : .request, id: id ?? 0, method: method,
                    body: body?.range ?? 0..<0, trace: trace, deadlineMs: deadline)
            }
            guard let id else { throw WireError(.invalidEnvelope, "A message without a method needs an id.") }
            guard let body, body.kind != .request else {
                throw WireError(.invalidEnvelope, "A reply has a result, an error or an event.")
            }
            return Envelope(
                kind: body.kind, id: id, method: "", body: body.range, trace: trace, deadlineMs: deadline)
        }
    }
}
