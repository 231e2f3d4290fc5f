// A request with events before its reply: a bounded queue between the socket and a reader who takes his time.
// It must never hold more than its bound for a reader that does not read.

import NIOCore
import Wire

/// A call whose caller reads events one by one.
final class StreamCall: PendingCall, @unchecked Sendable {  // as its parent: on the loop only
    /// The most bytes of events that may wait for a slow reader.
    static let maximumQueuedBytes = 16 * 1024 * 1024

    private let loop: any EventLoop
    private var events: [[UInt8]] = []
    private var head = 0
    private var queuedBytes = 0
    private var outcome: Result<[UInt8], WireError>?
    private var waiter: CheckedContinuation<Void, Never>?

    init(method: String, deadline: NIODeadline, loop: any EventLoop) {
        self.loop = loop
        super.init(method: method, deadline: deadline)
    }

    override func finish(_ result: Result<UnsafeRawBufferPointer, WireError>) {
        guard outcome == nil else { return }
        outcome = result.map { Array($0) }
        wake()
    }

    override func event(_ bytes: UnsafeRawBufferPointer) -> WireError? {
        queuedBytes += bytes.count
        guard queuedBytes <= Self.maximumQueuedBytes else {
            // Nobody will want the rest of an answer that has a hole.
            events = []
            head = 0
            return WireError(.tooLarge, "The events of '\(method)' were not read as fast as they came.")
        }
        events.append(Array(bytes))
        wake()
        return nil
    }

    private func wake() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }

    enum Next: Sendable {
        case event([UInt8])
        case end(Result<[UInt8], WireError>)
    }

    /// The next event, or the end. One reader at a time.
    func next() async -> Next {
        while true {
            let ready =
                loop.inEventLoop
                ? take()
                : await withCheckedContinuation { c in loop.execute { c.resume(returning: self.take()) } }
            if let ready { return ready }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                if loop.inEventLoop { park(continuation) } else { loop.execute { self.park(continuation) } }
            }
        }
    }

    private func park(_ continuation: CheckedContinuation<Void, Never>) {
        if head < events.count || outcome != nil { continuation.resume() } else { waiter = continuation }
    }

    private func take() -> Next? {
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
        return outcome.map { .end($0) }
    }
}
