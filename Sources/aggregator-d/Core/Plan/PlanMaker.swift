// Gathers what a plan depends on, and asks the network only when the plan could need it.
// It must never decide: that is Planner's.

import IPC
import Interfaces
import NodeModel
import Wire

extension Workplace {
    /// Plans a job. `alwaysAsk` asks the network even when this node can do it, to explain the alternatives.
    func plan(model: String, pin: PublicKey?, trace: String?, seed: UInt64, alwaysAsk: Bool) async throws
        -> Plan
    {
        let own = try await surroundings.identity(trace: trace)
        var local = await surroundings.remembered()
        // Never a refusal from memory: a model may have come, or Docker, since the view was taken.
        if local.entry(model) == nil || local.obstacle != nil {
            local = await surroundings.local(maximumAgeMs: 0)
        }
        var input = PlanInput(
            model: model, own: own, pin: pin, local: local, found: nil, failures: [:], assets: payment,
            seed: seed)
        if alwaysAsk || Planner.needsNetwork(input) {
            let found = await find(model, own: own, trace: trace)
            input.found = found
            let now = clock.seconds
            input.failures = withBook { book in
                var failures: [PublicKey: String] = [:]
                for card in found.cards {
                    failures[card.provider] = book.failure(card.provider, now: now).map {
                        "failed \(now - $0.at) s ago (\($0.reason))"
                    }
                }
                return failures
            }
            for card in found.cards { input.scores[card.provider] = score(card.provider, now: now) }
            input.standings = withBook { book in
                var silent: [PublicKey: Standing] = [:]
                for card in found.cards {
                    silent[card.provider] = book.silence(card.provider, now: now).map {
                        .untold("no answer \(now - $0) s ago")
                    }
                }
                return silent
            }
            let heard = await standings(of: Planner.worthAsking(input), trace: trace)
            input.standings.merge(heard) { $1 }
            input.words = words(of: found.cards, hearing: heard, now: now)
        }
        return Planner.plan(input)
    }

    /// Takes in what providers told of their loads, and gives what that is worth.
    private func words(
        of cards: [ProviderCard], hearing standings: [PublicKey: Standing], now: Int64
    ) -> [PublicKey: LoadWord] {
        withLoadWords { known in
            for case .told(let status, _) in standings.values { known.heard(status, now: now) }
            return cards.reduce(into: [:]) { $0[$1.provider] = known.word(of: $1.provider, now: now) }
        }
    }

    /// How these providers are now. Nobody's silence delays a job by more than the DHT's own deadline.
    private func standings(of cards: [ProviderCard], trace: String?) async -> [PublicKey: Standing] {
        let targets = cards.compactMap { card in
            card.statusAddress.map { DHTInterface.Probe.Target(provider: card.provider, address: $0) }
        }
        // Without an answer the cards have to do.
        guard !targets.isEmpty,
            let reply = try? await links.dht.call(DHTInterface.Probe(targets: targets), trace: trace)
        else { return [:] }
        var standings: [PublicKey: Standing] = [:]
        let now = clock.seconds
        for answer in reply.answers {
            standings[answer.provider] = Standing(answer)
            withBook { $0.heard(answer.status != nil, from: answer.provider, now: now) }
        }
        return standings
    }

    /// Cards of a model's providers, each verified here.
    private func find(_ model: String, own: PublicKey, trace: String?) async -> PlanInput.Found {
        do {
            let reply = try await links.dht.call(DHTInterface.Find(model: model.lowercased()), trace: trace)
            let now = clock.seconds
            let (cards, leftOut) = CardReading.read(
                Array(reply.cards.prefix(DHTInterface.Find.mostCards)), own: own, now: now)
            let vanished = withBook { book in
                book.saw(cards, now: now)
                return book.vanished(model.lowercased(), own: own, found: cards, now: now)
            }
            return PlanInput.Found(
                cards: cards, leftOut: leftOut + reply.leftOut, vanished: vanished, problem: nil)
        } catch {
            return PlanInput.Found(cards: [], leftOut: [], problem: WireError.wrapping(error))
        }
    }
}
