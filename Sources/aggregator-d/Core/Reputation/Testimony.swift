// What others have said of providers, as evidence with both signatures, and how much of it still counts. Pure: time is given.
// It must never weigh a word by what it claims: who said it decides that, and nobody says more than a few.

import Glibc
import NodeModel

/// Others' evidence on providers.
struct Testimony: Sendable {
    /// All that one client said of one provider, as it counts now.
    struct Word: Hashable, Sendable {
        var good: Double
        var bad: Double
    }

    private struct Pile: Sendable {
        /// The newest first.
        var evidence: [Evidence]
        var heardAt: Int64
    }

    /// Providers that are remembered at most; of whom nothing was heard for longest goes first.
    static let capacity = 512
    /// Pieces of one client on one provider that count, the newest ones.
    static let perRater = 8
    /// Pieces on one provider that are looked at.
    static let mostPieces = 512

    private var piles: [PublicKey: Pile] = [:]

    /// The providers on whom something was said.
    var subjects: some Collection<PublicKey> { piles.keys }

    /// Takes in what was gathered on a provider; what was known of it before is in it, or has gone.
    mutating func heard(_ evidence: [Evidence], on subject: PublicKey, now: Int64) {
        let current = evidence.filter { $0.subject == subject && $0.isCurrent(unixNow: now) }
        // In order from here on: what was said is weighed more often than heard.
        piles[subject] = Pile(
            evidence: current.prefix(Self.mostPieces).sorted(by: Self.isNewer), heardAt: now)
        while piles.count > Self.capacity, let oldest = piles.min(by: { $0.value.heardAt < $1.value.heardAt })
        {
            piles[oldest.key] = nil
        }
    }

    /// When a provider was last asked about, in Unix seconds.
    func heardAt(_ subject: PublicKey) -> Int64? { piles[subject]?.heardAt }

    /// What each client said of a provider.
    func words(on subject: PublicKey, now: Int64) -> [PublicKey: Word] {
        guard let pile = piles[subject] else { return [:] }
        var words: [PublicKey: Word] = [:]
        var said: [PublicKey: Int] = [:]
        for piece in pile.evidence {
            said[piece.rater, default: 0] += 1
            guard said[piece.rater, default: 0] <= Self.perRater else { continue }
            let age = Double(max(0, now - piece.createdAt))
            var word = words[piece.rater] ?? Word(good: 0, bad: 0)
            switch piece.outcome {
            case .ok: word.good += exp2(-age / Experience.halfLives.good)
            case .wrong: word.bad += exp2(-age / Experience.halfLives.bad)
            }
            words[piece.rater] = word
        }
        return words
    }

    private static func isNewer(_ left: Evidence, _ right: Evidence) -> Bool {
        left.createdAt != right.createdAt
            ? left.createdAt > right.createdAt
            : left.counterfoil.receipt.bytes.lexicographicallyPrecedes(right.counterfoil.receipt.bytes)
    }
}
