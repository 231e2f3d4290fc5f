// What is to happen in a simulated network, by the millisecond, in the order of asking within each.
// It must never give another order than the times and the asking do: one seed is one run.

@testable import DHTCore

/// A wheel of milliseconds, for networks in which hundreds of thousands of events wait. What lies beyond its turn waits apart.
struct EventQueue<Event: Sendable>: Sendable {
    private static var turn: Int64 { 1 << 14 }

    /// One place for each of the next `turn` milliseconds.
    private var wheel = [[Event]](repeating: [], count: Int(turn))
    /// No event on the wheel is earlier.
    private var hand: Int64 = 0
    /// Events of the hand's millisecond that were taken.
    private var taken = 0
    private var onWheel = 0
    private var later = TimerQueue<Event>()

    var count: Int { onWheel + later.count }

    private static func place(_ time: Int64) -> Int { Int(time & (turn - 1)) }

    /// Adds `event` at `time`, or at once when that has passed.
    mutating func add(_ event: Event, at time: Int64) {
        let time = max(time, hand)
        guard time < hand + Self.turn else { return later.add(event, at: time) }
        wheel[Self.place(time)].append(event)
        onWheel += 1
    }

    /// Takes the next event that is due at `end` at the latest, with its time.
    mutating func take(dueAt end: Int64) -> (time: Int64, event: Event)? {
        while true {
            let place = Self.place(hand)
            if taken < wheel[place].count {
                guard hand <= end else { return nil }
                let event = wheel[place][taken]
                taken += 1
                onWheel -= 1
                return (hand, event)
            }
            guard hand < end, let next = onWheel > 0 ? hand + 1 : later.next else { return nil }
            wheel[place] = []
            taken = 0
            hand = min(next, end)
            // Before anybody adds to the places that the turn of the hand has opened: they asked first.
            while let time = later.next, time < hand + Self.turn, let event = later.take(dueAt: time) {
                wheel[Self.place(time)].append(event)
                onWheel += 1
            }
        }
    }
}
