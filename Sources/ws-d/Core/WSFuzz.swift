// Doors for fuzzers: what strangers' bytes reach first, as pure functions.
// They must never trap, whatever the bytes are; errors are their way of saying no.

import NodeModel
import Wire

/// Entry points for fuzz targets.
public enum WSFuzz {
    /// The body of a chat completion: parse, and if it is accepted, parse it from the parts again.
    public static func chatRequest(_ bytes: UnsafeRawBufferPointer) {
        do throws(APIError) {
            let request = try ChatRequest.parse(bytes)
            precondition(!request.inference.messages.isEmpty && !request.inference.model.isEmpty)
        } catch {
            var writer = JSONWriter()
            error.write(to: &writer)
            // An answer that our own scanner refuses would be refused by clients too.
            let readable = writer.bytes.withUnsafeBytes { (try? JSONTree.parse($0)) != nil }
            precondition(readable && (400...499).contains(error.status))
        }
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
