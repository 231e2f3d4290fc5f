// One request that waits for what comes back.
// It must never be told of two ends.

import NIOCore
import Wire

/// A request under way at the caller's end; the kinds of call say what becomes of what comes back.
// Touched on its connection's event loop only.
class PendingCall: @unchecked Sendable {  // see above
    let method: String
    let deadline: NIODeadline
    /// Where and as what it was sent; nil before that.
    private var sent: (connection: ClientConnection, id: UInt64)?
    private var cancelled = false

    init(method: String, deadline: NIODeadline) {
        self.method = method
        self.deadline = deadline
    }

    /// The end: a reply's JSON, valid until this returns, or why there is none.
    func finish(_ result: Result<UnsafeRawBufferPointer, WireError>) {}

    /// An event's JSON, valid until this returns.
    /// - Returns: why the call must be abandoned.
    func event(_ bytes: UnsafeRawBufferPointer) -> WireError? {
        WireError(.invalidEnvelope, "'\(method)' has no events.")
    }

    /// Sends it by `connection`, unless it was cancelled before.
    final func begin(
        _ connection: ClientConnection, _ encode: (inout JSONWriter, UInt64) throws -> Void
    ) {
        guard !cancelled else { return finish(.failure(Self.cancelled)) }
        do { sent = (connection, try connection.send(self, encode: encode)) } catch {
            finish(.failure(WireError.wrapping(error)))
        }
    }

    /// Ends it for the caller's sake, and tells the server so.
    final func cancel() {
        cancelled = true
        if let sent { sent.connection.abandon(sent.id, Self.cancelled) }
    }

    private static let cancelled = WireError(.cancelled, "The request was cancelled.")
}
