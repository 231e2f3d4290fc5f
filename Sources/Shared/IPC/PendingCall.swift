// One request that waits for its answer: a continuation for the reply, a bounded queue for the events.
// It must never be resumed twice, nor hold more than its bound for a reader that does not read.

import NIOCore
import Wire

/// A request under way.
// Touched on its connection's event loop only.
final class PendingCall: @unchecked Sendable {  // see above
    /// The most bytes of events that may wait for a slow reader.
    static let maximumQueuedBytes = 16 * 1024 * 1024

    let method: String
    let deadline: NIODeadline
    private let loop: any EventLoop
    private var events: [[UInt8]] = []
    private var head = 0
    private var queuedBytes = 0
    private var outcome: Result<[UInt8], WireError>?
    private var waiter: CheckedContinuation<Void, Never>?
    /// Decodes a reply where it lies, so that it need not be copied; nil keeps the bytes.
    private let direct: ((UnsafeRawBufferPointer) -> Void)?
    private let directFailure: ((WireError) -> Void)?

    /// A call without events: one of the closures is called once, on the loop.
    init(
        method: String, deadline: NIODeadline, loop: any EventLoop,
        reply: @escaping (UnsafeRawBufferPointer) -> Void,
        failure: @escaping (WireError) -> Void
    ) {
        self.method = method
        self.deadline = deadline
        self.loop = loop
        direct = reply
        directFailure = failure
    }

    /// A call with events, which `next` gives one by one.
    init(method: String, deadline: NIODeadline, loop: any EventLoop) {
        self.method = method
        self.deadline = deadline
        self.loop = loop
        direct = nil
        directFailure = nil
    }

    func finish(_ result: Result<UnsafeRawBufferPointer, WireError>) {
        if let direct, let directFailure {
            switch result {
            case .success(let bytes): direct(bytes)
            case .failure(let error): directFailure(error)
            }
            return
        }
        guard outcome == nil else { return }
        outcome = result.map { Array($0) }
        wake()
    }

    /// Queues an event.
    /// - Returns: why the call must be abandoned, when the reader is too slow or there is none.
    func event(_ bytes: UnsafeRawBufferPointer) -> WireError? {
        guard direct == nil else { return WireError(.invalidEnvelope, "'\(method)' has no events.") }
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
