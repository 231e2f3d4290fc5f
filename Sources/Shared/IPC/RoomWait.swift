// One wait for a slow caller to read: it ends with room, with the connection, or with the task that waits.
// It must never be ended twice, nor be touched off its connection's loop.

/// Somebody who waits for room in a connection.
// Touched on the connection's event loop only.
final class RoomWait: @unchecked Sendable {  // see above
    var continuation: CheckedContinuation<Void, Never>?
    private(set) var isOver = false

    /// Ends the wait; again is nothing.
    func end() {
        isOver = true
        continuation?.resume()
        continuation = nil
    }
}
