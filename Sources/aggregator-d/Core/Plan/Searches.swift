// What searches for models brought lately, and what providers told of themselves a moment ago. Pure: time is given.
// It must never keep a provider at whom a job has failed, nor speak of a model longer than half a minute after its search.

import NodeModel

/// A busy client asks for the same model again and again: the network is searched now and then, and not for each job.
struct Searches: Sendable {
    /// What a search brought.
    struct Found: Hashable, Sendable {
        var providers: [PublicKey]
        /// What was left out and why.
        var leftOut: [String]
        /// Unix milliseconds.
        var at: Int64
    }

    /// How long a search counts, and after what time it is made again behind the jobs, in milliseconds.
    static let holds: Int64 = 30_000
    static let renewed: Int64 = 5_000
    /// How long a provider's word on itself counts, in milliseconds: two questions for each second of jobs are enough.
    static let wordHolds: Int64 = 1_000
    /// Models and providers that are remembered at most.
    static let capacity = 256

    private var found: [String: Found] = [:]
    private var renewing: Set<String> = []
    private var words: [PublicKey: (standing: Standing, at: Int64)] = [:]

    /// Notes what a search for a model brought.
    mutating func brought(_ model: String, _ providers: [PublicKey], leftOut: [String], now: Int64) {
        renewing.remove(model)
        found[model] = providers.isEmpty ? nil : Found(providers: providers, leftOut: leftOut, at: now)
        while found.count > Self.capacity, let oldest = found.min(by: { $0.value.at < $1.value.at }) {
            found[oldest.key] = nil
        }
    }

    /// What the last search brought, while it counts.
    func last(_ model: String, now: Int64) -> Found? {
        found[model].flatMap { (0..<Self.holds).contains(now - $0.at) ? $0 : nil }
    }

    /// Whether a model is to be searched again now, behind the job that asks: once only, until `brought` or `gaveUp`.
    mutating func shouldRenew(_ model: String, now: Int64) -> Bool {
        guard let last = found[model], now - last.at >= Self.renewed else { return false }
        return renewing.insert(model).inserted
    }

    /// A search ended without an answer.
    mutating func gaveUp(_ model: String) { renewing.remove(model) }

    /// Takes a provider out of all that was found: a job failed there, so that the next one looks again.
    mutating func forget(_ provider: PublicKey) {
        words[provider] = nil
        for model in found.keys {
            found[model]?.providers.removeAll { $0 == provider }
            if found[model]?.providers.isEmpty == true { found[model] = nil }
        }
    }

    /// Notes how providers said they are.
    mutating func heard(_ standings: [PublicKey: Standing], now: Int64) {
        for (provider, standing) in standings { words[provider] = (standing, now) }
        guard words.count > Self.capacity else { return }
        words = words.filter { (0..<Self.wordHolds).contains(now - $0.value.at) }
    }

    /// How a provider said it is, a moment ago.
    func standing(of provider: PublicKey, now: Int64) -> Standing? {
        words[provider].flatMap { (0..<Self.wordHolds).contains(now - $0.at) ? $0.standing : nil }
    }
}
