// Doors for fuzzers: what strangers' bytes reach first, as pure functions.
// They must never trap, whatever the bytes are; errors are their way of saying no.

import NodeModel
import Wire

/// Entry points for fuzz targets.
public enum WSFuzz {
    /// The body of a chat completion.
    public static func chatRequest(_ bytes: UnsafeRawBufferPointer) { request(bytes, ChatRequest.parse) }

    /// The body of a request for a response.
    public static func responsesRequest(_ bytes: UnsafeRawBufferPointer) {
        request(bytes, ResponsesRequest.parse)
    }

    private static func request(
        _ bytes: UnsafeRawBufferPointer,
        _ parse: (UnsafeRawBufferPointer) throws(APIError) -> any AnswerRequest
    ) {
        do throws(APIError) {
            let request = try parse(bytes)
            precondition(!request.inference.messages.isEmpty && !request.inference.model.isEmpty)
            let isOne = (try? ConversationRules.check(request.inference.messages)) != nil
            precondition(isOne, "what is accepted is a conversation")
            answer(request)
        } catch {
            var writer = JSONWriter()
            error.write(to: &writer)
            precondition(isReadable(writer.bytes) && (400...499).contains(error.status))
        }
    }

    /// Repeats a request's own words as its answer, in one piece and in many.
    private static func answer(_ request: any AnswerRequest) {
        var form = request.form(job: nil, created: 0)
        var whole = WholeAnswer()
        var out = JSONWriter()
        form.begin(&out)
        for message in request.inference.messages {
            let piece = AnswerPiece(text: message.content)
            whole.add(piece)
            form.delta(piece, &out)
        }
        form.end(.stop, usage: nil, &out)
        for line in out.bytes.split(separator: 0x0A) where line.starts(with: "data: {".utf8) {
            precondition(isReadable(Array(line.dropFirst(6))), "an event is JSON")
        }
        var once = JSONWriter()
        form.whole(whole, .stop, usage: nil, &once)
        precondition(isReadable(once.bytes), "an answer is JSON")
    }

    /// An answer that our own scanner refuses would be refused by clients too.
    private static func isReadable(_ json: [UInt8]) -> Bool {
        json.withUnsafeBytes { (try? JSONTree.parse($0)) != nil }
    }

    /// A message between nodes: the greeting's, and the envelope's.
    public static func peerFrame(_ bytes: UnsafeRawBufferPointer) {
        do throws(WireError) {
            let message = try PeerMessage.read(bytes)
            let again = message.encoded().withUnsafeBytes { bytes in
                do throws(WireError) { return try PeerMessage.read(bytes) == message } catch { return false }
            }
            precondition(again, "what we read is what we would write")
        } catch { precondition(!error.message.isEmpty) }
        if let envelope = try? Envelope.scan(bytes) {
            precondition(envelope.body.lowerBound >= 0 && envelope.body.upperBound <= bytes.count)
        }
    }
}
