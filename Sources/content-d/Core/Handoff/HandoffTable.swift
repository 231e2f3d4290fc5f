// Files that were handed over and wait for their `content.import`. Pure: it only counts descriptors and time.
// It must never give one descriptor twice, nor keep more of them than its places.

/// Waiting descriptors by token.
struct HandoffTable {
    /// How long a descriptor waits.
    static let patience = Duration.seconds(30)
    static let places = 16
    static let tokenBytes = 16

    private struct Waiting {
        var descriptor: Int32
        var until: ContinuousClock.Instant
    }
    private var waiting: [[UInt8]: Waiting] = [:]

    /// Whether a descriptor could be taken, and if not, why.
    enum Answer: Equatable {
        case taken
        case refused(String)
    }

    /// Keeps a descriptor. A refused one stays the caller's.
    mutating func put(_ descriptor: Int32, token: [UInt8], now: ContinuousClock.Instant) -> Answer {
        guard token.count == Self.tokenBytes else {
            return .refused("a token has \(Self.tokenBytes) bytes, not \(token.count)")
        }
        guard waiting[token] == nil else { return .refused("the token is in use") }
        guard waiting.count < Self.places else { return .refused("\(Self.places) files wait already") }
        waiting[token] = Waiting(descriptor: descriptor, until: now + Self.patience)
        return .taken
    }

    /// Gives a descriptor away; nil when the token is unknown or its time is over.
    mutating func take(_ token: [UInt8], now: ContinuousClock.Instant) -> Int32? {
        guard let found = waiting[token], now < found.until else { return nil }
        waiting[token] = nil
        return found.descriptor
    }

    /// Forgets what waited too long.
    ///
    /// - Returns: descriptors to be closed.
    mutating func expire(now: ContinuousClock.Instant) -> [Int32] {
        let late = waiting.filter { now >= $0.value.until }
        for token in late.keys { waiting[token] = nil }
        return late.values.map(\.descriptor)
    }

    /// Forgets everything.
    ///
    /// - Returns: descriptors to be closed.
    mutating func clear() -> [Int32] {
        defer { waiting = [:] }
        return waiting.values.map(\.descriptor)
    }
}
