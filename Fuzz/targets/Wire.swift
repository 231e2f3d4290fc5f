// The doors of the messages between daemons: the stream's frames, the envelope, JSON itself, every method's values.
// It must never judge by the words of an error: what is accepted must survive being written and read again.

import Interfaces
import NodeModel
import Wire

let doors: [String: Door] = [
    "frame": frame, "envelope": envelope, "json": json, "requests": requests, "answer-piece": answerPiece,
]

/// Pieces of one answer, a line each.
private let answerPiece: Door = { bytes in
    let tools = ToolUse(tools: [Tool(name: "now"), Tool(name: "get_weather")])
    for request in [
        InferenceRequest(model: "m", messages: [], tools: tools),
        InferenceRequest(model: "m", messages: [], sampling: Sampling(logprobs: 2)),
    ] {
        var (sum, weight) = (AnswerSum(of: request), 0)
        for line in bytes.split(separator: 0x0A) {
            guard let piece = try? AnswerPiece(written: String(decoding: line, as: UTF8.self)) else {
                continue
            }
            guard let written = try? piece.written(), let again = try? AnswerPiece(written: written) else {
                // A number that no JSON has.
                continue
            }
            precondition(again == piece, "a piece changed by being sent on")
            guard let more = try? sum.add(piece) else { return }
            weight += more
        }
        precondition(sum.calls <= ToolLimits.mostCalls, "an answer has calls without bound")
        precondition(
            weight <= 12 * bytes.count + sum.calls * AnswerSum.callWeight, "an answer weighs what it is")
    }
}

/// A stream that comes in one piece, and again in pieces as long as the first byte says: both give the same frames.
private let frame: Door = { bytes in
    guard let first = bytes.first else { return }
    let stream = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    let whole = frames(stream, piece: stream.count)
    let pieces = frames(stream, piece: Int(first) + 1)
    precondition(whole == pieces, "where a stream is cut changes what it says")
    for frame in whole { frame.withUnsafeBytes { scan($0) } }
}

private func frames(_ stream: UnsafeRawBufferPointer, piece: Int) -> [[UInt8]] {
    // A small limit, so that lengths over it are met often.
    let reader = FrameReader(limit: 4096)
    var found: [[UInt8]] = []
    var start = 0
    var end = 0
    while true {
        let unread = UnsafeRawBufferPointer(rebasing: stream[start..<end])
        guard let step = try? reader.next(unread) else { return found }
        switch step {
        case .need(let count):
            precondition(count > 0 && count <= 4 + reader.limit, "a stream waits for what cannot come")
            if end == stream.count { return found }
            end = min(stream.count, end + max(1, piece))
        case .frame(let range):
            precondition(range.lowerBound == 4 && !range.isEmpty && range.upperBound <= unread.count)
            found.append(Array(unread[range]))
            start += range.upperBound
        }
    }
}

private let envelope: Door = { scan($0) }

private func scan(_ frame: UnsafeRawBufferPointer) {
    guard let found = try? Envelope.scan(frame) else { return }
    precondition(found.body.lowerBound >= 0 && found.body.upperBound <= frame.count, "a body lies outside")
    let body = UnsafeRawBufferPointer(rebasing: frame[found.body])
    if found.kind == .error {
        var writer = JSONWriter()
        let error = ErrorBody.read(body)
        ErrorBody.write(error, to: &writer)
        let again = writer.bytes.withUnsafeBytes { ErrorBody.read($0) }
        precondition(again.code == error.code && again.message == error.message, "an error changed")
    }
    let written = write(found, body)
    let again = written.withUnsafeBytes { try? Envelope.scan($0) }
    guard let again else { preconditionFailure("what was read cannot be read again") }
    precondition(
        again.kind == found.kind && again.id == found.id && again.method == found.method
            && again.trace == found.trace && again.deadlineMs == found.deadlineMs
            && written[again.body].elementsEqual(body), "an envelope changed by being written")
}

private func write(_ envelope: Envelope, _ body: UnsafeRawBufferPointer) -> [UInt8] {
    var writer = JSONWriter()
    writer.literal("{\"jsonrpc\":\"2.0\"")
    if envelope.kind != .notification {
        writer.literal(",\"id\":")
        writer.number(envelope.id)
    }
    if envelope.kind == .request || envelope.kind == .notification {
        writer.literal(",\"method\":")
        writer.string(envelope.method)
    }
    if let trace = envelope.trace {
        writer.literal(",\"trace\":")
        writer.string(trace)
    }
    if let deadline = envelope.deadlineMs {
        writer.literal(",\"deadline_ms\":")
        writer.number(deadline)
    }
    if !body.isEmpty {
        switch envelope.kind {
        case .request, .notification: writer.literal(",\"params\":")
        case .result: writer.literal(",\"result\":")
        case .error: writer.literal(",\"error\":")
        case .event: writer.literal(",\"event\":")
        }
        writer.raw(body)
    }
    writer.literal("}")
    return writer.bytes
}

/// JSON as such: what is valid can be skipped to the same end, and a string survives its escapes.
private let json: Door = { bytes in
    var validating = JSONScanner(bytes)
    if (try? validating.validate()) != nil {
        var skipping = JSONScanner(bytes)
        let range = try? skipping.skip()
        precondition(range?.upperBound == validating.position, "valid, but of another length")
    }
    var reading = JSONScanner(bytes)
    if let text = try? reading.string() { survives(text) }
    if let text = try? JSONText.unescape(bytes, escaped: true) { survives(text) }
}

private func survives(_ text: String) {
    var writer = JSONWriter()
    writer.string(text)
    let again = writer.bytes.withUnsafeBytes { bytes in
        var scanner = JSONScanner(bytes)
        return try? scanner.string()
    }
    // By their bytes: Swift calls canonically equivalent texts equal.
    precondition(again.map { Array($0.utf8) } == Array(text.utf8), "a string changed by being written")
}

/// The first line names a method and which of its values follows; an unknown name falls on some value anyway,
/// so that no mutation is wasted.
private let requests: Door = { bytes in
    let line = bytes.prefix { $0 != 0x0A }
    let name = String(decoding: line, as: UTF8.self)
    let value = Array(bytes.dropFirst(line.count + 1))
    if let reader = readersByName[name] { return reader.read(value) }
    let number = line.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
    readers[number % readers.count].read(value)
}
