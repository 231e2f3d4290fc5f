// A heap of what is to happen when, in the order of time and then of asking.
// It must never fire anything itself: the node takes what is due.

/// Timers in virtual or real milliseconds.
struct TimerQueue<Event: Sendable>: Sendable {
    private struct Item: Sendable {
        let time: Int64
        let order: UInt64
        let event: Event

        func precedes(_ other: Item) -> Bool { time != other.time ? time < other.time : order < other.order }
    }

    private var heap: [Item] = []
    private var asked: UInt64 = 0

    /// When the next event is due.
    var next: Int64? { heap.first?.time }
    var count: Int { heap.count }

    /// Adds `event` at `time`.
    mutating func add(_ event: Event, at time: Int64) {
        heap.append(Item(time: time, order: asked, event: event))
        asked += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the next event that is due at `now`.
    mutating func take(dueAt now: Int64) -> Event? {
        guard let first = heap.first, first.time <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.event }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return first.event
    }
}
