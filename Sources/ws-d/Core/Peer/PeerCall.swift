// One request to another node that waits for its answer: a queue of what came, and whoever waits for the next.
// It must never be resumed twice, nor leave anybody waiting after its end.

import Wire

/// A request under way on a session.
// Touched on the one event loop only.
final class PeerCall: @unchecked Sendable {  // see above
    enum Next: Sendable {
        case event([UInt8])
        case reply([UInt8])
    }

    private var events: [[UInt8]] = []
    private var head = 0
    private var outcome: Result<[UInt8], WireError>?
    private var waiter: CheckedContinuation<Void, Never>?
    /// Bytes of events that nobody has read yet.
    private(set) var queuedBytes = 0

    func add(_ event: [UInt8]) {
        guard outcome == nil else { return }
        events.append(event)
        queuedBytes += event.count
        wake()
    }

    func finish(_ result: Result<[UInt8], WireError>) {
        guard outcome == nil else { return }
        outcome = result
        wake()
    }

    /// The next event in order, or the reply behind the last of them.
    func next() async throws -> Next {
        while true {
            if head < events.count {
                let event = events[head]
                head += 1
                queuedBytes -= event.count
                if head == events.count {
                    events.removeAll(keepingCapacity: true)
                    head = 0
                }
                return .event(event)
            }
            if let outcome { return .reply(try outcome.get()) }
            await withCheckedContinuation { waiter = $0 }
        }
    }

    private func wake() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }
}
