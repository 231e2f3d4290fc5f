// How many jobs run at once and how many wait, first come first served. Pure.
// It must never let the line grow without bound.

/// Places for jobs and the line before them.
struct Admission: Sendable {
    enum Answer: Equatable, Sendable {
        case go
        /// Wait: the place in line, from 1.
        case wait(Int)
        /// The line is full; worth trying again after so many milliseconds.
        case refuse(retryAfterMs: Int)
    }

    let places: Int
    let line: Int
    private(set) var active = 0
    private(set) var waiting: [UInt64] = []
    /// What a job takes on average, in milliseconds; the newest counts an eighth.
    private var averageMs = 2_000

    init(places: Int, line: Int) {
        self.places = max(1, places)
        self.line = max(0, line)
    }

    /// A job asks for a place under a number that the caller chose.
    mutating func enter(_ ticket: UInt64) -> Answer {
        if active < places {
            active += 1
            return .go
        }
        guard waiting.count < line else {
            return .refuse(retryAfterMs: min(60_000, max(500, averageMs * (waiting.count + 1) / places)))
        }
        waiting.append(ticket)
        return .wait(waiting.count)
    }

    /// A job that had a place is over; gives the ticket that has the place now.
    mutating func leave(afterMs: Int) -> UInt64? {
        averageMs += (afterMs - averageMs) / 8
        guard !waiting.isEmpty else {
            active = max(0, active - 1)
            return nil
        }
        return waiting.removeFirst()
    }

    /// A waiting job gives up. False when it has a place already, which it then must leave.
    mutating func giveUp(_ ticket: UInt64) -> Bool {
        guard let index = waiting.firstIndex(of: ticket) else { return false }
        waiting.remove(at: index)
        return true
    }
}
