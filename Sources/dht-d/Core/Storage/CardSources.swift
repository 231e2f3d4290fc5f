// When those who put cards here were last heard, so that the cards of the dead are not handed out until they expire.
// It must never doubt a node that keeps announcing, nor forget one while a card of it is here.

/// The nodes that stored cards here, and whether they are still there.
struct CardSources: Sendable {
    private struct Source: Sendable {
        var heardAt: Int64
        /// When it was last asked.
        var askedAt: Int64 = .min
        var silences = 0
    }

    /// Questions without an answer after which a source is dead.
    static let patience = 2
    /// The least time between two questions to one source, in milliseconds.
    static let pause: Int64 = 4_000

    private var sources: [Endpoint: Source] = [:]
    /// Those who left the last question unanswered: what they put here is not handed out until they are heard.
    private(set) var doubted: Set<Endpoint> = []

    /// Takes in that `source` stored something here.
    mutating func heard(_ source: Endpoint, now: Int64) {
        sources[source] = Source(heardAt: now)
        doubted.remove(source)
    }

    /// As `heard`, for a node that may have stored nothing.
    mutating func heardAgain(_ source: Endpoint, now: Int64) {
        if sources[source] != nil { heard(source, now: now) }
    }

    /// The source that has been silent longest, unless it was heard since `before` or asked just now.
    mutating func doubtful(before: Int64, now: Int64) -> Endpoint? {
        let chosen = sources.lazy
            .filter { $0.value.heardAt < before && $0.value.askedAt < now - Self.pause }
            .min { ($0.value.heardAt, $0.key) < ($1.value.heardAt, $1.key) }
        guard let chosen else { return nil }
        sources[chosen.key]?.askedAt = now
        return chosen.key
    }

    /// Takes in that `source` did not answer; true when it must be given up.
    mutating func silent(_ source: Endpoint) -> Bool {
        guard var known = sources[source] else { return false }
        known.silences += 1
        sources[source] = known
        doubted.insert(source)
        return known.silences >= Self.patience
    }

    /// Forgets all but `living`.
    mutating func keep(_ living: Set<Endpoint>) {
        guard sources.count > living.count else { return }
        sources = sources.filter { living.contains($0.key) }
        doubted.formIntersection(living)
    }
}
