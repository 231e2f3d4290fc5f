// What goes round in the market: clients' words, and those of liars.
// It must never give a word more than evidence can hold: both signatures are taken for granted, trust is not.

import NodeModel

@testable import AggregatorCore

extension Market {
    /// One more piece of evidence.
    mutating func say(_ outcome: Evidence.Outcome, of provider: PublicKey, by rater: PublicKey) {
        guard rater != provider else { return }
        statements += 1
        let foil = Counterfoil(
            provider: provider, client: rater, receipt: Digest(hashing: "receipt \(statements)"),
            usage: Usage(promptTokens: 30, completionTokens: 12), price: 54, asset: .testCredit,
            finishedAt: now)
        said[provider, default: []].insert(
            Evidence(counterfoil: foil, signature: [], outcome: outcome, createdAt: now), at: 0)
    }

    /// What liars say, each time that words are gathered: the worst of the good, the best of the bad.
    private mutating func lie(as rater: PublicKey) {
        for provider in providers {
            say(provider.kind == .honest ? .wrong : .ok, of: provider.key, by: rater)
        }
    }

    /// Everybody hears what was said, as far as holders keep it, and works out anew whom to trust.
    mutating func spread() {
        switch speech {
        case .silence: return
        case .honest: break
        case .crowd(let count):
            // A crowd says it once: more than a few words of one client are not kept.
            if rounds == 0 {
                for number in 0..<count { lie(as: PublicKey(xOnly: Digest(hashing: "liar \(number)"))) }
            }
        case .insiders: for provider in providers where provider.kind != .honest { lie(as: provider.key) }
        }
        for (subject, words) in said where words.count > 500 { said[subject] = Array(words.prefix(500)) }
        for index in clients.indices {
            for (subject, words) in said {
                clients[index].hearsay.heard(
                    words.filter { $0.rater != clients[index].key }, on: subject, now: now)
            }
            clients[index].hearsay.weigh(clients[index].experience.all(now: now), now: now)
        }
    }
}
